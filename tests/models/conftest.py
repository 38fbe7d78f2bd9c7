"""Samples as the data pipeline hands them to models."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from posenas.codecs import MSRAHeatmap
from posenas.skeletons import COCO
from posenas.structures import PoseDataSample


@pytest.fixture
def make_batch() -> Callable[..., tuple[list[torch.Tensor], list[PoseDataSample]]]:
    """Build uint8 crops (3, H, W) and samples with targets of one person each."""

    def make(num_images=2, input_size=(48, 64), num_joints=17, heatmap_size=None):
        size = np.array(input_size)
        codec = MSRAHeatmap(
            input_size=input_size,
            heatmap_size=heatmap_size or tuple(int(length) for length in size // 4),
            sigma=2.0,
        )
        rng = np.random.default_rng(0)
        images, samples = [], []
        for i in range(num_images):
            images.append(torch.from_numpy(rng.integers(0, 256, (3, *size[::-1]), np.uint8)))
            joints = rng.uniform(4, size - 4, (1, num_joints, 2)).astype(np.float32)
            encoded = codec.encode(joints, np.ones((1, num_joints), np.float32))
            sample = PoseDataSample(
                metainfo=dict(
                    img_id=i,
                    input_size=input_size,
                    # the crop shows twice as many image pixels along both axes around (100, 50)
                    warp_mat=((0.5, 0, input_size[0] / 2 - 50), (0, 0.5, input_size[1] / 2 - 25)),
                    flip_indices=COCO.flip_indices if num_joints == 17 else list(range(num_joints)),
                )
            )
            sample.gt_instances = InstanceData(
                bboxes=np.array([[0, 0, 200, 100]], np.float32),
                bbox_scores=np.array([0.5], np.float32),
                keypoints=joints,
            )
            sample.gt_instance_labels = InstanceData(
                keypoint_weights=torch.from_numpy(encoded['keypoint_weights'])
            )
            sample.gt_fields = PixelData(heatmaps=torch.from_numpy(encoded['heatmaps']))
            samples.append(sample)
        return images, samples

    return make
