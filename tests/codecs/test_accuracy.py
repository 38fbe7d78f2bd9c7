"""The accuracy of training logs beyond the recorded cases."""

import numpy as np
import pytest

from posenas.codecs import pose_pck_accuracy


def test_maps_and_mask_must_have_the_same_keypoints():
    maps = np.ones((2, 3, 8, 6))
    with pytest.raises(ValueError, match=r'mask must have shape \(2, 3\)'):
        pose_pck_accuracy(maps, maps, np.ones((3, 2)))
    with pytest.raises(ValueError, match='target must have shape'):
        pose_pck_accuracy(maps, maps[:, :2], np.ones((2, 3)))
