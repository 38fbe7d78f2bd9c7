"""Leeds Sports Pose and its extension: 14 keypoints."""

from posenas.skeletons.base import make_skeleton

#: Johnson and Everingham, Learning Effective Human Pose Estimation from Inaccurate Annotation,
#: CVPR 2011. The authors give no sigmas; these are COCO's, neck and head top as a shoulder.
LSP = make_skeleton(
    'lsp',
    joint_names=(
        'right_ankle',
        'right_knee',
        'right_hip',
        'left_hip',
        'left_knee',
        'left_ankle',
        'right_wrist',
        'right_elbow',
        'right_shoulder',
        'left_shoulder',
        'left_elbow',
        'left_wrist',
        'neck',
        'head_top',
    ),
    limbs=(
        ('right_ankle', 'right_knee'),
        ('right_knee', 'right_hip'),
        ('left_hip', 'left_knee'),
        ('left_knee', 'left_ankle'),
        ('right_wrist', 'right_elbow'),
        ('right_elbow', 'right_shoulder'),
        ('left_shoulder', 'left_elbow'),
        ('left_elbow', 'left_wrist'),
        ('right_shoulder', 'neck'),
        ('left_shoulder', 'neck'),
        ('neck', 'head_top'),
        ('right_shoulder', 'right_hip'),
        ('left_shoulder', 'left_hip'),
        ('right_hip', 'left_hip'),
    ),
)
