import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from posenas.geometry import (
    bbox_cs2xyxy,
    bbox_iou,
    bbox_xywh2xyxy,
    bbox_xyxy2cs,
    bbox_xyxy2xywh,
    clean_bbox_xywh,
    fix_aspect_ratio,
)

_COORDS = st.floats(-1000, 1000)
_BOXES = hnp.arrays(np.float64, (3, 4), elements=_COORDS)


@pytest.fixture(scope='module')
def golden(golden_dir):
    return dict(np.load(golden_dir / 'pipeline' / 'coco_boxes.npz'))


def test_older_generation_cleans_boxes_as_recorded(golden):
    boxes, valid = clean_bbox_xywh(golden['bbox_xywh'], golden['image_wh'], '0.x')
    np.testing.assert_array_equal(valid, golden['v0_valid'])
    np.testing.assert_allclose(
        bbox_xyxy2xywh(boxes)[valid], golden['v0_clean_xywh'][valid], atol=1e-3
    )
    center, scale = bbox_xyxy2cs(boxes[valid], 1.25)
    np.testing.assert_allclose(center, golden['v0_center'][valid], atol=1e-3)
    fixed = fix_aspect_ratio(scale, 192 / 256)
    np.testing.assert_allclose(fixed / 200, golden['v0_scale'][valid], atol=1e-5)


def test_newer_generation_cleans_boxes_as_recorded(golden):
    boxes, valid = clean_bbox_xywh(golden['bbox_xywh'], golden['image_wh'])
    np.testing.assert_array_equal(valid, golden['v1_valid'])
    np.testing.assert_allclose(boxes, golden['v1_clean_xyxy'], atol=1e-3)
    center, scale = bbox_xyxy2cs(boxes, 1.25)
    np.testing.assert_allclose(center[valid], golden['v1_center'][valid], atol=1e-3)
    fixed = fix_aspect_ratio(scale[valid], 192 / 256)
    np.testing.assert_allclose(fixed, golden['v1_scale'][valid], atol=1e-3)


def test_centres_and_scales_equal_the_recorded_ones(golden_dir):
    golden = np.load(golden_dir / 'pipeline' / 'affine.npz')
    boxes = bbox_xywh2xyxy(golden['bbox_xywh'])
    np.testing.assert_allclose(boxes, golden['v1_bbox_xyxy'], atol=1e-3)
    center, scale = bbox_xyxy2cs(boxes, float(golden['padding']))
    np.testing.assert_allclose(scale, golden['v1_scale_raw'], atol=1e-3)
    fixed = fix_aspect_ratio(scale, 192 / 256)
    for generation, unit in (('v0', 200), ('v1', 1)):
        np.testing.assert_allclose(center, golden[f'{generation}_center'], atol=1e-3)
        np.testing.assert_allclose(fixed, golden[f'{generation}_scale'] * unit, atol=1e-3)


def test_the_code_base_of_hrnet_keeps_boxes_one_pixel_thin():
    boxes = np.array([[5.0, 5, 1, 9], [5, 5, 1, 1], [50, 5, 9, 9], [5, 5, 3, 3]])
    size = np.array([40, 40])
    cut, valid = clean_bbox_xywh(boxes, size, 'hrnet')
    np.testing.assert_array_equal(valid, [True, False, False, True])
    np.testing.assert_array_equal(cut, clean_bbox_xywh(boxes, size, '0.x')[0])
    np.testing.assert_array_equal(
        clean_bbox_xywh(boxes, size, '0.x')[1], [False, False, False, True]
    )


def test_a_box_beside_the_image_is_cut_to_nothing():
    cut, valid = clean_bbox_xywh(np.array([[-20.0, -20, 5, 5]]), np.array([40, 40]), '1.x')
    np.testing.assert_array_equal(cut, [[0, 0, 0, 0]])
    assert not valid.any()


def test_unknown_generation_is_refused():
    with pytest.raises(ValueError, match='generation'):
        clean_bbox_xywh(np.zeros((1, 4)), np.array([4, 4]), '2.x')


@given(_BOXES)
def test_box_formats_invert_each_other(boxes):
    np.testing.assert_allclose(bbox_xyxy2xywh(bbox_xywh2xyxy(boxes)), boxes, atol=1e-9)
    center, scale = bbox_xyxy2cs(boxes, 1.25)
    np.testing.assert_allclose(bbox_cs2xyxy(center, scale, 1.25), boxes, atol=1e-9)


@given(st.floats(1, 1000), st.floats(1, 1000), st.floats(0.2, 5))
def test_aspect_ratio_is_reached_by_enlarging_one_side(width, height, ratio):
    fixed = fix_aspect_ratio(np.array([width, height]), ratio)
    assert fixed[0] / fixed[1] == pytest.approx(ratio)
    assert (fixed >= np.array([width, height]) * (1 - 1e-12)).all()
    assert np.isclose(fixed, [width, height]).any()


@given(hnp.arrays(np.float64, (4, 4), elements=st.floats(1, 100)))
def test_iou_is_symmetric_and_one_for_a_box_with_itself(xywh):
    boxes = bbox_xywh2xyxy(xywh)
    overlaps = bbox_iou(boxes, boxes)
    np.testing.assert_allclose(overlaps, overlaps.T)
    np.testing.assert_allclose(np.diag(overlaps), 1)
    assert (overlaps >= 0).all()
    assert (overlaps <= 1 + 1e-12).all()


@pytest.mark.parametrize(
    ('other', 'expected'),
    [((5, 0, 15, 10), 1 / 3), ((20, 20, 30, 30), 0), ((10, 0, 20, 10), 0), ((2, 2, 4, 4), 0.04)],
)
def test_iou_of_known_boxes(other, expected):
    overlap = bbox_iou(np.array([[0.0, 0, 10, 10]]), np.array([other], dtype=float))
    assert overlap.item() == pytest.approx(expected)


def test_iou_of_empty_boxes_is_zero():
    empty = np.array([[3.0, 3, 3, 3]])
    assert bbox_iou(empty, empty).item() == 0
