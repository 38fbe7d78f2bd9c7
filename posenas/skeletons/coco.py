"""COCO: 17 keypoints."""

from posenas.skeletons.base import make_skeleton

#: Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014; 19 limbs.
COCO = make_skeleton(
    'coco',
    joint_names=(
        'nose',
        'left_eye',
        'right_eye',
        'left_ear',
        'right_ear',
        'left_shoulder',
        'right_shoulder',
        'left_elbow',
        'right_elbow',
        'left_wrist',
        'right_wrist',
        'left_hip',
        'right_hip',
        'left_knee',
        'right_knee',
        'left_ankle',
        'right_ankle',
    ),
    limbs=(
        ('left_ankle', 'left_knee'),
        ('left_knee', 'left_hip'),
        ('right_ankle', 'right_knee'),
        ('right_knee', 'right_hip'),
        ('left_hip', 'right_hip'),
        ('left_shoulder', 'left_hip'),
        ('right_shoulder', 'right_hip'),
        ('left_shoulder', 'right_shoulder'),
        ('left_shoulder', 'left_elbow'),
        ('right_shoulder', 'right_elbow'),
        ('left_elbow', 'left_wrist'),
        ('right_elbow', 'right_wrist'),
        ('left_eye', 'right_eye'),
        ('nose', 'left_eye'),
        ('nose', 'right_eye'),
        ('left_eye', 'left_ear'),
        ('right_eye', 'right_ear'),
        ('left_ear', 'left_shoulder'),
        ('right_ear', 'right_shoulder'),
    ),
)
