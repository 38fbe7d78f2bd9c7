"""Scores of following people."""

import numpy as np
import pytest

from posenas.benchmarks import benchmark_tracking
from posenas.benchmarks.tracking import _score_hota


def test_hota_is_that_of_trackeval():
    pytest.importorskip('trackeval')
    sure = np.eye(2)
    kept = [([0, 1], [7, 9], sure)] * 4
    assert _score_hota(kept) == pytest.approx(100)
    # the tracks are exchanged halfway: half of the association is right, all of the detection
    switched = kept[:2] + [([0, 1], [9, 7], sure)] * 2
    assert _score_hota(switched) == pytest.approx(100 * np.sqrt(1 / 3))
    assert all(score.hota > 50 for score in benchmark_tracking(1, 20))
