"""A network whose answer is known: it finds the bluest, greenest and reddest spot."""

from collections.abc import Container
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from posenas.registry import MODELS

CONFIG = """
default_scope = 'posenas'
codec = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255]),
    backbone=dict(type='SpotNet'),
    head=dict(
        type='HeatmapHead', in_channels=3, out_channels=3, deconv_out_channels=None,
        deconv_kernel_sizes=None, final_layer=None, decoder=codec,
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False),
)
metainfo = dict(
    dataset_name='spots',
    keypoint_info={
        0: dict(name='blue', id=0, color=[0, 0, 255], type='upper', swap=''),
        1: dict(name='green', id=1, color=[0, 255, 0], type='upper', swap=''),
        2: dict(name='red', id=2, color=[255, 0, 0], type='upper', swap=''),
    },
    skeleton_info={0: dict(link=('blue', 'green'), id=0), 1: dict(link=('green', 'red'), id=1)},
    joint_weights=[1, 1, 1],
    sigmas=[0.05, 0.05, 0.05],
)
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]
test_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset', ann_file='none.json', test_mode=True, metainfo=metainfo,
        pipeline=test_pipeline,
    ),
)
"""
#: Keypoints of two people in images of 200 x 120 (width x height), and their boxes.
PEOPLE = np.array([[[30, 30], [45, 60], [60, 80]], [[140, 25], [150, 50], [165, 90]]], np.float32)
BOXES = np.array([[15, 15, 75, 95], [125, 15, 185, 100]], np.float32)


class SpotNet(nn.Module):
    """Means of 4 x 4 pixels, blue, green and red."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return (avg_pool2d(x, 4) * self.gain,)


def draw_spots(people=PEOPLE, size=(200, 120)) -> np.ndarray:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for joints in people:
        for channel, (x, y) in enumerate(joints):
            color = [0, 0, 0]
            color[channel] = 255
            cv2.circle(image, (round(float(x)), round(float(y))), 3, color, -1)
    return image


@pytest.fixture
def spot_image() -> np.ndarray:
    return draw_spots()


@pytest.fixture(scope='module')
def spot_config(tmp_path_factory):
    path = tmp_path_factory.mktemp('spots') / 'spots.py'
    path.write_text(CONFIG, encoding='utf-8')
    MODELS.register_module(module=SpotNet)
    yield path
    MODELS.module_dict.pop('SpotNet')  # tests of the registry look at every class in it


@pytest.fixture(scope='module')
def spot_checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('spots') / 'spots.pth'
    torch.save({'state_dict': {'backbone.gain': torch.tensor(0.5)}, 'meta': {}}, path)
    return path


@pytest.fixture
def image_folder(tmp_path, spot_image):
    """Two images, a text called .jpg, and a file that is no image."""
    folder = tmp_path / 'images'
    folder.mkdir()
    cv2.imwrite(str(folder / 'a.png'), spot_image)
    cv2.imwrite(str(folder / 'b.png'), spot_image)
    (folder / 'broken.jpg').write_text('no image')
    (folder / 'notes.txt').write_text('not looked at')
    return folder


@pytest.fixture
def video_file(tmp_path, spot_image):
    path = tmp_path / 'clip.avi'
    size = spot_image.shape[1], spot_image.shape[0]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, size)
    for shift in range(3):
        writer.write(draw_spots(PEOPLE + np.float32([2 * shift, 0])))
    writer.release()
    return path


def write_broken_video(path: Path, num_frames: int = 10, broken: Container[int] = (3, 4)) -> Path:
    """Write a video some of whose frames are zeros, which no decoder reads."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, (200, 120))
    for _ in range(num_frames):
        writer.write(draw_spots())
    writer.release()
    data = bytearray(path.read_bytes())
    start = data.find(b'00dc')  # the first one is in the header
    for number in range(num_frames):
        start = data.find(b'00dc', start + 1)
        size = int.from_bytes(data[start + 4 : start + 8], 'little')
        if number in broken:
            data[start + 8 : start + 8 + size] = bytes(size)
    path.write_bytes(data)
    return path


@pytest.fixture
def broken_video(tmp_path):
    """Video of ten frames; 3 and 4 cannot be decoded."""
    return write_broken_video(tmp_path / 'broken.avi')
