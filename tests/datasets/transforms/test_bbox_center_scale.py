import numpy as np
import pytest

from posenas.datasets.transforms import GetBBoxCenterScale


def test_the_box_becomes_centre_and_padded_scale():
    results = GetBBoxCenterScale(padding=1.5)(dict(bbox=np.array([[10, 20, 50, 100]], np.float32)))
    assert results['bbox_center'].tolist() == [[30, 60]]
    assert results['bbox_scale'].tolist() == [[60, 120]]
    assert results['bbox_scale'].dtype == np.float32


def test_a_given_scale_is_padded():
    given = dict(bbox_center=np.array([[3, 4]]), bbox_scale=np.array([[10.0, 20.0]]))
    assert GetBBoxCenterScale()(given)['bbox_scale'].tolist() == [[12.5, 25]]


def test_padding_must_be_positive():
    with pytest.raises(ValueError, match='padding'):
        GetBBoxCenterScale(padding=0)
