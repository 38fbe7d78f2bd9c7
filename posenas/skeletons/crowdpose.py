"""CrowdPose: 14 keypoints."""

from posenas.skeletons.base import make_skeleton
from posenas.skeletons.coco import COCO

#: Li et al., CrowdPose: Efficient Crowded Scenes Pose Estimation and a New Benchmark, CVPR 2019.
#: The limbs inside its annotation files are COCO's, left there by mistake.
CROWDPOSE = make_skeleton(
    'crowdpose',
    joint_names=(*COCO.joint_names[5:], 'head', 'neck'),
    limbs=(
        *((COCO.joint_names[i], COCO.joint_names[j]) for i, j in COCO.limbs[:12]),
        ('head', 'neck'),
        ('neck', 'left_shoulder'),
        ('neck', 'right_shoulder'),
    ),
)
