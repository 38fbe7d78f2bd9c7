"""Drawing of predictions."""

import numpy as np
import pytest
from mmengine.structures import InstanceData

from posenas.apis.outputs import DrawOptions, draw_people
from posenas.skeletons import COCO, LSP
from posenas.structures import PoseDataSample


def make_sample(num_joints):
    rng = np.random.default_rng(0)
    sample = PoseDataSample()
    sample.pred_instances = InstanceData(
        keypoints=rng.uniform(10, 90, (1, num_joints, 2)),
        keypoint_scores=np.ones((1, num_joints)),
        bboxes=np.array([[5.0, 5.0, 95.0, 95.0]]),
    )
    return sample


@pytest.mark.parametrize(('skeleton', 'differs'), [(COCO, True), (LSP, False)])
def test_openpose_style_is_for_the_joints_of_coco(skeleton, differs):
    image = np.full((100, 100, 3), 90, np.uint8)
    samples = [make_sample(skeleton.num_joints)]
    usual = draw_people(image, samples, skeleton, DrawOptions())
    openpose = draw_people(image, samples, skeleton, DrawOptions(skeleton_style='openpose'))
    assert (usual != image).any()
    assert (usual != openpose).any() == differs
