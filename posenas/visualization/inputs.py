"""What a network is fed: crops with their keypoints, beside them the maps it shall answer with."""

import numpy as np
from numpy.typing import NDArray

from posenas.skeletons import Skeleton
from posenas.structures import PoseDataSample
from posenas.visualization.draw import draw_bboxes, draw_heatmaps, draw_poses
from posenas.visualization.panels import enlarge, zoom_points


def draw_input(
    inputs: NDArray[np.uint8], sample: PoseDataSample, skeleton: Skeleton, min_side: int
) -> list[NDArray[np.uint8]]:
    """Draw one packed sample.

    Args:
        inputs: Crop (3, H, W), blue first.
        sample: Its labels in pixels of the crop, ``transformed_keypoints`` or, for a detector,
            ``bboxes``, and, where there are any, its target maps.
        skeleton: Keypoints and limbs.
        min_side: Pixels that the longer side of the pictures gets at least.

    Returns:
        RGB pictures: the crop with its keypoints or boxes and, where there are targets, these on
        the crop.
    """
    image = np.ascontiguousarray(inputs.transpose(1, 2, 0)[..., ::-1])  # (H, W, 3)
    image, zoom = enlarge(image, min_side)
    truth = sample.gt_instances
    if 'is_ignored' in truth:
        corners = zoom_points(truth.bboxes[~truth.is_ignored].reshape(-1, 2, 2), zoom)
        pictures = [draw_bboxes(image, corners.reshape(-1, 4))]
        if 'gt_fields' in sample:
            pictures.append(draw_heatmaps(image, sample.gt_fields.heatmaps[:1].numpy()))
        return pictures
    joints = zoom_points(truth.transformed_keypoints, zoom)
    pictures = [draw_poses(image, joints, truth.keypoints_visible, skeleton, score_thr=0)]
    if 'gt_fields' in sample:
        pictures.append(draw_heatmaps(image, sample.gt_fields.heatmaps.numpy()))
    return pictures
