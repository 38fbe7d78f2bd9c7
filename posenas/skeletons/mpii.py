"""MPII Human Pose: 16 keypoints."""

from posenas.skeletons.base import make_skeleton

#: Andriluka et al., 2D Human Pose Estimation: New Benchmark and State of the Art Analysis,
#: CVPR 2014; sigmas as MMPose sets them (MPII itself is judged by PCKh, which needs none).
MPII = make_skeleton(
    'mpii',
    joint_names=(
        'right_ankle',
        'right_knee',
        'right_hip',
        'left_hip',
        'left_knee',
        'left_ankle',
        'pelvis',
        'thorax',
        'upper_neck',
        'head_top',
        'right_wrist',
        'right_elbow',
        'right_shoulder',
        'left_shoulder',
        'left_elbow',
        'left_wrist',
    ),
    limbs=(
        ('right_ankle', 'right_knee'),
        ('right_knee', 'right_hip'),
        ('right_hip', 'pelvis'),
        ('pelvis', 'left_hip'),
        ('left_hip', 'left_knee'),
        ('left_knee', 'left_ankle'),
        ('pelvis', 'thorax'),
        ('thorax', 'upper_neck'),
        ('upper_neck', 'head_top'),
        ('upper_neck', 'right_shoulder'),
        ('right_shoulder', 'right_elbow'),
        ('right_elbow', 'right_wrist'),
        ('upper_neck', 'left_shoulder'),
        ('left_shoulder', 'left_elbow'),
        ('left_elbow', 'left_wrist'),
    ),
    sigmas=(
        *(0.089, 0.083, 0.107, 0.107, 0.083, 0.089, 0.026, 0.026),
        *(0.026, 0.026, 0.062, 0.072, 0.179, 0.179, 0.072, 0.062),
    ),
)
