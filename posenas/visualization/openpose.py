"""The look of OpenPose for COCO's keypoints: a neck between the shoulders, a colour per limb."""

import numpy as np
from numpy.typing import NDArray

from posenas.skeletons import COCO, Skeleton

Floats = NDArray[np.floating]

#: Limbs in OpenPose's order, each with its colour (red, green, blue).
_LIMBS = (
    ('neck', 'right_shoulder', (255, 0, 85)),
    ('neck', 'left_shoulder', (255, 0, 0)),
    ('right_shoulder', 'right_elbow', (255, 85, 0)),
    ('right_elbow', 'right_wrist', (255, 170, 0)),
    ('left_shoulder', 'left_elbow', (255, 255, 0)),
    ('left_elbow', 'left_wrist', (170, 255, 0)),
    ('neck', 'right_hip', (85, 255, 0)),
    ('right_hip', 'right_knee', (0, 255, 0)),
    ('right_knee', 'right_ankle', (0, 255, 85)),
    ('neck', 'left_hip', (0, 255, 170)),
    ('left_hip', 'left_knee', (0, 255, 255)),
    ('left_knee', 'left_ankle', (0, 170, 255)),
    ('neck', 'nose', (0, 85, 255)),
    ('nose', 'right_eye', (0, 0, 255)),
    ('right_eye', 'right_ear', (255, 0, 170)),
    ('nose', 'left_eye', (170, 0, 255)),
    ('left_eye', 'left_ear', (255, 0, 255)),
)


def _build() -> Skeleton:
    """Extend COCO's keypoints by the neck; each has the colour of the limb that ends there."""
    names = (*COCO.joint_names, 'neck')
    colors = {second: color for _, second, color in _LIMBS}
    return Skeleton(
        name='coco_openpose',
        joint_names=names,
        flip_indices=(*COCO.flip_indices, COCO.num_joints),
        limbs=tuple((names.index(first), names.index(second)) for first, second, _ in _LIMBS),
        sigmas=(*COCO.sigmas, COCO.sigmas[COCO.joint_index('left_shoulder')]),
        joint_weights=(*COCO.joint_weights, 1.0),
        upper_body_ids=(*COCO.upper_body_ids, COCO.num_joints),
        lower_body_ids=COCO.lower_body_ids,
        joint_colors=tuple(colors.get(name, (255, 0, 0)) for name in names),
        limb_colors=tuple(color for _, _, color in _LIMBS),
    )


#: COCO's 17 keypoints and the neck, with OpenPose's limbs and colours.
OPENPOSE = _build()


def to_openpose(keypoints: Floats, keypoint_scores: Floats) -> tuple[Floats, Floats]:
    """Add the neck to poses of COCO's skeleton.

    Args:
        keypoints: (N, 17, 2) pixels.
        keypoint_scores: (N, 17).

    Returns:
        Keypoints (N, 18, 2) and scores (N, 18); the neck has the lower score of the shoulders.
    """
    shoulders = [COCO.joint_index('left_shoulder'), COCO.joint_index('right_shoulder')]
    neck = keypoints[:, shoulders].mean(axis=1, keepdims=True)  # (N, 1, 2)
    score = keypoint_scores[:, shoulders].min(axis=1, keepdims=True)  # (N, 1)
    return (
        np.concatenate([keypoints, neck], axis=1),
        np.concatenate([keypoint_scores, score], axis=1),
    )
