"""PoseTrack 2018: 17 joints, of which the ears are never labelled."""

from posenas.skeletons.base import make_skeleton
from posenas.skeletons.coco import COCO

__all__ = ['POSETRACK18']

#: Andriluka et al., PoseTrack: A Benchmark for Human Pose Estimation and Tracking, CVPR 2018;
#: COCO's joints with head bottom and top in place of the eyes, and COCO's sigmas by position.
POSETRACK18 = make_skeleton(
    'posetrack18',
    joint_names=('nose', 'head_bottom', 'head_top', *COCO.joint_names[3:]),
    limbs=(
        *((COCO.joint_names[i], COCO.joint_names[j]) for i, j in COCO.limbs[:12]),
        ('nose', 'head_bottom'),
        ('nose', 'head_top'),
        ('head_bottom', 'left_shoulder'),
        ('head_bottom', 'right_shoulder'),
    ),
    sigmas=COCO.sigmas,
)
