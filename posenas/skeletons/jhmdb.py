"""JHMDB: 15 keypoints."""

from posenas.skeletons.base import make_skeleton

#: Jhuang et al., Towards Understanding Action Recognition, ICCV 2013. Sigmas as MMPose sets them
#: after COCO's (JHMDB itself is judged by PCK, which needs none).
JHMDB = make_skeleton(
    'jhmdb',
    joint_names=(
        'neck',
        'belly',
        'head',
        'right_shoulder',
        'left_shoulder',
        'right_hip',
        'left_hip',
        'right_elbow',
        'left_elbow',
        'right_knee',
        'left_knee',
        'right_wrist',
        'left_wrist',
        'right_ankle',
        'left_ankle',
    ),
    limbs=(
        ('right_ankle', 'right_knee'),
        ('right_knee', 'right_hip'),
        ('right_hip', 'belly'),
        ('belly', 'left_hip'),
        ('left_hip', 'left_knee'),
        ('left_knee', 'left_ankle'),
        ('belly', 'neck'),
        ('neck', 'head'),
        ('neck', 'right_shoulder'),
        ('right_shoulder', 'right_elbow'),
        ('right_elbow', 'right_wrist'),
        ('neck', 'left_shoulder'),
        ('left_shoulder', 'left_elbow'),
        ('left_elbow', 'left_wrist'),
    ),
    sigmas=(
        *(0.025, 0.107, 0.025, 0.079, 0.079, 0.107, 0.107, 0.072),
        *(0.072, 0.087, 0.087, 0.062, 0.062, 0.089, 0.089),
    ),
)
