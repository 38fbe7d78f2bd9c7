"""A search is drawn with all that was observed of it."""

import numpy as np
import pytest

from posenas.utils import DataError
from posenas.visualization import draw_search

HISTORY = [dict(epoch=e, entropy=1 / e, eigenvalue=None, loss=0.1 * e, arch={}) for e in (1, 2, 3)]
WEIGHTS = dict(normal=np.eye(4)[:, :3], fuse1=np.full((4, 2), 0.5))


def test_curves_that_have_values_and_all_weights_are_drawn_the_same_twice(tmp_path, figures):
    names = dict(normal=('none', 'skip_connect', 'std_conv_3x3'))
    files = [tmp_path / 'a.png', tmp_path / 'b.png']
    for file in files:
        draw_search(HISTORY, WEIGHTS, file, names)
    assert files[0].read_bytes() == files[1].read_bytes()
    panels = {axes.get_title(): axes for axes in figures[0].axes}
    assert list(panels) == ['loss', 'entropy', 'normal', 'fuse1']
    np.testing.assert_allclose(panels['loss'].lines[0].get_ydata(), [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(panels['normal'].images[0].get_array(), WEIGHTS['normal'])
    assert [t.get_text() for t in panels['normal'].get_xticklabels()] == list(names['normal'])


def test_nothing_observed_is_refused(tmp_path):
    with pytest.raises(DataError, match='at least one observed epoch'):
        draw_search([], WEIGHTS, tmp_path / 'a.png')
