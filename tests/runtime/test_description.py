"""What files say of their networks."""

from dataclasses import replace

import numpy as np
import pytest
from exported_spots import describe_spots

from posenas.geometry import warp_points
from posenas.runtime import CropRule, NetworkDescription, Normalisation
from posenas.utils import DataError


def test_a_description_is_read_back_as_it_was_written():
    changed = describe_spots(
        crop=CropRule((48, 64), 1.5, use_udp=True, whole_pixels=True), keypoint_indices=(2, 0)
    )
    for description in (describe_spots(), changed):
        read = NetworkDescription.from_metadata(description.to_metadata(), 'net.onnx')
        assert read.to_metadata() == description.to_metadata()
        assert (read.crop, read.normalisation) == (description.crop, description.normalisation)
        assert read.find_skeleton().joint_names == ('blue', 'green', 'red')


@pytest.mark.parametrize('name', ['video', 'score_thr'])
def test_files_from_before_a_field_was_added_are_read(name):
    description = describe_spots()
    texts = description.to_metadata()
    del texts[f'posenas.{name}']
    read = NetworkDescription.from_metadata(texts, 'net.onnx')
    assert read.to_metadata() == description.to_metadata()


@pytest.mark.parametrize(
    'damage',
    [
        lambda texts: texts.clear(),
        lambda texts: texts.pop('posenas.codec'),
        lambda texts: texts.update({'posenas.crop': '{"input_size": [1, 2], "other": 3}'}),
        lambda texts: texts.update({'posenas.crop': '[]'}),
        lambda texts: texts.update({'posenas.macs': 'no JSON'}),
        lambda texts: texts.update({'posenas.schema': '"pose-network/9"'}),
        lambda texts: texts.update({'posenas.name': '5'}),
        lambda texts: texts.update({'posenas.codec': '"text"'}),
        lambda texts: texts.update({'posenas.output_names': '"heatmaps"'}),
        lambda texts: texts.update({'posenas.flip': '[' * 100_000}),
        lambda texts: texts.update({'posenas.skeleton': '{"dataset_name": "spots"}'}),
        lambda texts: texts.update({'posenas.crop': '{"input_size": [48, 0]}'}),
        lambda texts: texts.update({'posenas.crop': '{"input_size": [48, 64], "padding": -1}'}),
        lambda texts: texts.update({'posenas.normalisation': '{"mean": [1]}'}),
        lambda texts: texts.update({'posenas.normalisation': '{"std": [1, 0, 1]}'}),
        lambda texts: texts.update({'posenas.normalisation': '{"order": "gray"}'}),
    ],
)
def test_other_files_are_refused(damage):
    texts = describe_spots().to_metadata()
    damage(texts)
    with pytest.raises(DataError, match=r'net\.onnx must hold the description'):
        NetworkDescription.from_metadata(texts, 'net.onnx')


def test_a_network_without_keypoints_has_no_skeleton():
    with pytest.raises(DataError, match='must find keypoints'):
        replace(describe_spots(), skeleton={}).find_skeleton()


def test_pixels_are_normalised_in_the_order_that_the_network_takes():
    crop = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    for order, channels in (('bgr', [0, 1, 2]), ('rgb', [2, 1, 0])):
        made = Normalisation((1.0, 2.0, 3.0), (2.0, 4.0, 8.0), order).apply([crop, crop])
        wanted = (crop[..., channels] - [1.0, 2.0, 3.0]) / [2.0, 4.0, 8.0]
        np.testing.assert_array_equal(made[1], wanted.transpose(2, 0, 1).astype(np.float32))


@pytest.mark.parametrize(('use_udp', 'corner'), [(False, (48, 64)), (True, (47, 63))])
def test_the_crop_spans_the_padded_box(use_udp, corner):
    matrix = CropRule((48, 64), 1.25, use_udp).find_matrix(np.float32([10, 20, 40, 60]))
    ends = np.array([[6.25, 15.0], [43.75, 65.0]])
    np.testing.assert_allclose(warp_points(ends, matrix), [(0, 0), corner], atol=1e-5)
