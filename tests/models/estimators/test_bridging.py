"""Bridges between a teacher's and a student's images and heatmaps."""

import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from registry_cases import noise

from posenas.models import PoseDataPreprocessor
from posenas.models.estimators.bridging import ImageBridge, JointBridge, resize_maps
from posenas.utils import ConfigError

RGB = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
#: As the published hourglasses were trained: blue first, statistics of red first.
BGR = dict(RGB, bgr_to_rgb=False)
PREPROCESSORS = dict(
    rgb=RGB,
    bgr=BGR,
    raw=dict(),
    unit=dict(mean=[0.0], std=[255.0]),
    centred=dict(RGB, std=[1.0] * 3),
)


def prepare(settings):
    """Normalise two images by a preprocessor with these settings."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, 3, 8, 6), dtype=torch.uint8, generator=generator)
    return PoseDataPreprocessor(**settings)(dict(inputs=list(images)))['inputs']


@pytest.mark.parametrize('wanted', PREPROCESSORS)
@pytest.mark.parametrize('made', PREPROCESSORS)
def test_batches_become_those_of_the_other_preprocessor(made, wanted):
    settings = [PREPROCESSORS[made], PREPROCESSORS[wanted]]
    bridge = ImageBridge(*(PoseDataPreprocessor(**cfg) for cfg in settings))
    inputs, target = (prepare(cfg) for cfg in settings)
    torch.testing.assert_close(bridge(inputs), target, rtol=1e-5, atol=1e-5 * target.abs().max())
    if made == wanted:
        assert bridge(inputs) is inputs


def test_batches_keep_their_memory_layout():
    bridge = ImageBridge(
        PoseDataPreprocessor(**RGB), PoseDataPreprocessor(**BGR), input_size=(12, 16)
    )
    inputs = prepare(RGB).contiguous(memory_format=torch.channels_last)
    assert bridge(inputs).is_contiguous(memory_format=torch.channels_last)


def test_batches_are_resized_to_the_size_asked_for():
    preprocessor = PoseDataPreprocessor(**RGB)
    inputs = prepare(RGB)
    assert ImageBridge(preprocessor, preprocessor, (12, 16))(inputs).shape == (2, 3, 16, 12)
    with pytest.raises(ConfigError, match=r'aspect ratio of the images, \(6, 8\), got \(12, 12\)'):
        ImageBridge(preprocessor, preprocessor, (12, 12))(inputs)


def test_one_preprocessor_that_hides_its_colours_is_refused():
    known, unknown = PoseDataPreprocessor(), BaseDataPreprocessor()
    for pair in ((known, unknown), (unknown, known)):
        with pytest.raises(ConfigError, match='mean, std and bgr_to_rgb'):
            ImageBridge(*pair)
    assert ImageBridge(unknown, unknown)(inputs := noise(1, 3, 4, 4)) is inputs


def test_resized_maps_keep_the_height_of_flat_peaks_and_their_place():
    maps = torch.zeros(1, 1, 8, 6)
    maps[0, 0, 4:6, 2:4] = 0.8
    larger = resize_maps(maps, (16, 12))
    assert larger.max() == pytest.approx(0.8)
    assert larger[0, 0].argmax() // 12 in range(8, 12)
    assert resize_maps(maps, (8, 6)) is maps


def test_joints_move_in_groups_of_maps():
    maps = noise(1, 9, 2, 2)
    bridge = JointBridge([(1, 2), (0, 0)])
    moved = bridge(maps, num_maps=6, num_joints=2)
    assert torch.equal(moved, maps[:, [0, 1, 2, 6, 7, 8]])
    weights = torch.ones(1, 3)
    assert bridge.taught(weights).tolist() == [1, 1, 0]
    assert bridge.taught(weights[:, :2]) is None
    assert JointBridge(None).taught(weights) is None


@pytest.mark.parametrize('pairs', [[(0, 5)], [(3, 0)]])
def test_joints_that_do_not_exist_are_refused(pairs):
    with pytest.raises(ConfigError, match='0 to 2, and of the teacher, 0 to 4'):
        JointBridge(pairs)(noise(1, 5, 2, 2), num_maps=3, num_joints=3)


@pytest.mark.parametrize('pairs', [[], [(0, 1), (0, 2)], [(0, 1, 2)], [(0, -1)]])
def test_what_is_no_list_of_pairs_is_refused(pairs):
    with pytest.raises(ConfigError, match='joint_map must list pairs'):
        JointBridge(pairs)


def test_half_a_pair_of_joints_cannot_be_averaged_over_mirrored_images():
    JointBridge([(0, 0), (1, 1), (2, 2)]).check_symmetry([0, 2, 1])
    with pytest.raises(ConfigError, match=r'keypoints \[1\]'):
        JointBridge([(0, 0), (1, 1)]).check_symmetry([0, 2, 1])
