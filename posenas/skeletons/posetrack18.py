"""PoseTrack: the keypoints of its files, and those that its evaluation reads."""

from posenas.skeletons.base import make_skeleton
from posenas.skeletons.coco import COCO

_BODY_LIMBS = tuple((COCO.joint_names[i], COCO.joint_names[j]) for i, j in COCO.limbs[:12])

#: Andriluka et al., PoseTrack: A Benchmark for Human Pose Estimation and Tracking, CVPR 2018;
#: COCO's keypoints with head bottom and top in place of the eyes, and COCO's sigmas by position.
#: The ears are never labelled.
POSETRACK18 = make_skeleton(
    'posetrack18',
    joint_names=('nose', 'head_bottom', 'head_top', *COCO.joint_names[3:]),
    limbs=(
        *_BODY_LIMBS,
        ('nose', 'head_bottom'),
        ('nose', 'head_top'),
        ('head_bottom', 'left_shoulder'),
        ('head_bottom', 'right_shoulder'),
    ),
    sigmas=COCO.sigmas,
)

#: The 15 keypoints of PoseTrack 2017, in the order in which the official tool evaluates both
#: releases; its neck is the later release's head bottom.
POSETRACK17 = make_skeleton(
    'posetrack17',
    joint_names=(
        *('right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle'),
        *('right_wrist', 'right_elbow', 'right_shoulder'),
        *('left_shoulder', 'left_elbow', 'left_wrist', 'neck', 'nose', 'head_top'),
    ),
    limbs=(
        *_BODY_LIMBS,
        ('nose', 'neck'),
        ('nose', 'head_top'),
        ('neck', 'left_shoulder'),
        ('neck', 'right_shoulder'),
    ),
)
