import cv2
import numpy as np
import pytest

from posenas.skeletons import COCO, LSP
from posenas.visualization import draw_label_charts


def people(count, skeleton, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 100, (count, skeleton.num_joints, 2))
    levels = rng.integers(0, 3, (count, skeleton.num_joints, 1))
    boxes = np.tile([0.0, 0, 100, 100], (count, 1))
    return np.concatenate([points, levels], axis=2), boxes


@pytest.mark.parametrize('skeleton', [COCO, LSP], ids=['coco', 'lsp'])
@pytest.mark.parametrize('count', [0, 1, 500])
def test_four_pictures_are_written(tmp_path, skeleton, count):
    paths = draw_label_charts(tmp_path, *people(count, skeleton), skeleton)
    assert len(paths) == 4
    for path in paths:
        assert cv2.imread(str(path)).std() > 1


def test_unlabelled_joints_and_empty_boxes_do_not_matter(tmp_path):
    keypoints, boxes = people(50, COCO)
    draw_label_charts(tmp_path / 'a', keypoints, boxes, COCO)
    hidden = keypoints[..., 2] == 0
    keypoints[hidden, :2] = 1e6
    more = np.concatenate([keypoints, keypoints[:1]]), np.concatenate([boxes, boxes[:1] * 0])
    draw_label_charts(tmp_path / 'b', *more, COCO)
    first, second = ((tmp_path / name / 'mean_pose.png').read_bytes() for name in 'ab')
    assert first == second
