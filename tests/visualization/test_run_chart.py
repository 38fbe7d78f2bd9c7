"""Charts of repeated trainings show every seed and every interval."""

import numpy as np

from posenas.visualization import draw_runs


def test_all_seeds_and_intervals_are_drawn(tmp_path, figures):
    scores = dict(one=np.array([10.0, 12.0, 11.0]), other=np.array([14.0]))
    draw_runs(tmp_path / 'runs.png', scores, {'other over one': (3.0, 1.0, 5.0)})
    top, bottom = figures[0].axes
    np.testing.assert_array_equal(top.lines[0].get_xdata(), scores['one'])
    assert top.lines[1].get_xdata() == [11]
    assert [text.get_text() for text in top.get_yticklabels()] == ['one', 'other']
    assert list(bottom.lines[0].get_xdata()) == [1, 5]
    assert (tmp_path / 'runs.png').stat().st_size > 0


def test_nothing_finished_is_an_empty_chart(tmp_path):
    draw_runs(tmp_path / 'runs.svg', {}, {})
    assert '<svg' in (tmp_path / 'runs.svg').read_text()
