"""What is kept of each person beside its label."""

import numpy as np
from evaluation.metrics.samples import make_sample

from posenas.evaluation import PeopleCollector


def test_confidences_are_kept():
    found = np.column_stack([np.zeros((3, 2)), [0.1, 0.2, 0.3]])
    kept = PeopleCollector().extract(make_sample(0, 7, found, img_path='a.jpg'))
    np.testing.assert_allclose(kept['scores'], [0.1, 0.2, 0.3], rtol=1e-6)
    assert (kept['img_id'], kept['img_path']) == (7, 'a.jpg')
