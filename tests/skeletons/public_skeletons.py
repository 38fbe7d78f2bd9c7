"""Joint names and mirror pairs of public data sets, as their definitions give them.

Names are separated by commas; pairs are those that the definitions state, by index.
"""

COCO = (
    'nose, left_eye, right_eye, left_ear, right_ear, left_shoulder, right_shoulder, left_elbow, '
    'right_elbow, left_wrist, right_wrist, left_hip, right_hip, left_knee, right_knee, '
    'left_ankle, right_ankle'
)
COCO_PAIRS = [(i, i + 1) for i in range(1, 17, 2)]
HAND = (
    'wrist, thumb1, thumb2, thumb3, thumb4, forefinger1, forefinger2, forefinger3, forefinger4, '
    'middle_finger1, middle_finger2, middle_finger3, middle_finger4, ring_finger1, ring_finger2, '
    'ring_finger3, ring_finger4, pinky_finger1, pinky_finger2, pinky_finger3, pinky_finger4'
)
LEGS = ('fore', 'mid', 'hind')


def _hands() -> str:
    fingers = ['hand_root', *HAND.split(', ')[1:]]
    return ', '.join(f'{side}_{name}' for side in ('left', 'right') for name in fingers)


def _fly_legs(side: str) -> list[str]:
    return [f'{leg}leg{side}{i}' for leg in LEGS for i in range(1, 5)]


#: Name -> keypoints, pairs.
NAMED = {
    'coco': (COCO, COCO_PAIRS),
    'macaque': (COCO, COCO_PAIRS),
    'coco_wholebody feet': (
        f'{COCO}, left_big_toe, left_small_toe, left_heel, right_big_toe, right_small_toe, '
        'right_heel',
        [*COCO_PAIRS, (17, 20), (18, 21), (19, 22)],
    ),
    'coco_wholebody hands': (_hands(), [(i, i + 21) for i in range(21)]),
    'halpe26': (
        f'{COCO}, head, neck, hip, left_big_toe, right_big_toe, left_small_toe, right_small_toe, '
        'left_heel, right_heel',
        [*COCO_PAIRS, (20, 21), (22, 23), (24, 25)],
    ),
    'halpe26 as AlphaPose prints it': (
        'Nose, LEye, REye, LEar, REar, LShoulder, RShoulder, LElbow, RElbow, LWrist, RWrist, '
        'LHip, RHip, LKnee, Rknee, LAnkle, RAnkle, Head, Neck, Hip, LBigToe, RBigToe, '
        'LSmallToe, RSmallToe, LHeel, RHeel',
        [*COCO_PAIRS, (20, 21), (22, 23), (24, 25)],
    ),
    'mpii': (
        'right_ankle, right_knee, right_hip, left_hip, left_knee, left_ankle, pelvis, thorax, '
        'upper_neck, head_top, right_wrist, right_elbow, right_shoulder, left_shoulder, '
        'left_elbow, left_wrist',
        [(0, 5), (1, 4), (2, 3), (10, 15), (11, 14), (12, 13)],
    ),
    'mpii as its own tools print it': (
        'r ankle, r knee, r hip, l hip, l knee, l ankle, pelvis, thorax, upper neck, head top, '
        'r wrist, r elbow, r shoulder, l shoulder, l elbow, l wrist',
        [(0, 5), (1, 4), (2, 3), (10, 15), (11, 14), (12, 13)],
    ),
    'crowdpose': (
        'left_shoulder, right_shoulder, left_elbow, right_elbow, left_wrist, right_wrist, '
        'left_hip, right_hip, left_knee, right_knee, left_ankle, right_ankle, top_head, neck',
        [(i, i + 1) for i in range(0, 12, 2)],
    ),
    'posetrack18': (
        'nose, head_bottom, head_top, left_ear, right_ear, left_shoulder, right_shoulder, '
        'left_elbow, right_elbow, left_wrist, right_wrist, left_hip, right_hip, left_knee, '
        'right_knee, left_ankle, right_ankle',
        [(i, i + 1) for i in range(3, 17, 2)],
    ),
    'jhmdb': (
        'neck, belly, head, right_shoulder, left_shoulder, right_hip, left_hip, right_elbow, '
        'left_elbow, right_knee, left_knee, right_wrist, left_wrist, right_ankle, left_ankle',
        [(i, i + 1) for i in range(3, 15, 2)],
    ),
    'lsp': (
        'Right ankle, Right knee, Right hip, Left hip, Left knee, Left ankle, Right wrist, '
        'Right elbow, Right shoulder, Left shoulder, Left elbow, Left wrist, Neck, Head top',
        [(0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9)],
    ),
    'aic': (
        'right_shoulder, right_elbow, right_wrist, left_shoulder, left_elbow, left_wrist, '
        'right_hip, right_knee, right_ankle, left_hip, left_knee, left_ankle, head_top, neck',
        [(0, 3), (1, 4), (2, 5), (6, 9), (7, 10), (8, 11)],
    ),
    'h36m': (
        'root, left_hip, left_knee, left_foot, right_hip, right_knee, right_foot, spine, thorax, '
        'neck_base, head, left_shoulder, left_elbow, left_wrist, right_shoulder, right_elbow, '
        'right_wrist',
        [(1, 4), (2, 5), (3, 6), (11, 14), (12, 15), (13, 16)],
    ),
    'h36m as its own tools print it': (
        'Hips, RightUpLeg, RightLeg, RightFoot, LeftUpLeg, LeftLeg, LeftFoot, Spine, Spine1, '
        'Neck, Head, LeftArm, LeftForeArm, LeftHand, RightArm, RightForeArm, RightHand',
        [(1, 4), (2, 5), (3, 6), (11, 14), (12, 15), (13, 16)],
    ),
    'mpi_inf_3dhp': (
        'head_top, neck, right_shoulder, right_elbow, right_wrist, left_shoulder, left_elbow, '
        'left_wrist, right_hip, right_knee, right_ankle, left_hip, left_knee, left_ankle, root, '
        'spine, head',
        [(2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13)],
    ),
    'openpose body_25': (
        'Nose, Neck, RShoulder, RElbow, RWrist, LShoulder, LElbow, LWrist, MidHip, RHip, RKnee, '
        'RAnkle, LHip, LKnee, LAnkle, REye, LEye, REar, LEar, LBigToe, LSmallToe, LHeel, '
        'RBigToe, RSmallToe, RHeel',
        [
            *((2, 5), (3, 6), (4, 7), (9, 12), (10, 13), (11, 14), (15, 16), (17, 18)),
            *((19, 22), (20, 23), (21, 24)),
        ],
    ),
    'ap10k': (
        'L_Eye, R_Eye, Nose, Neck, Root of tail, L_Shoulder, L_Elbow, L_F_Paw, R_Shoulder, '
        'R_Elbow, R_F_Paw, L_Hip, L_Knee, L_B_Paw, R_Hip, R_Knee, R_B_Paw',
        [(0, 1), (5, 8), (6, 9), (7, 10), (11, 14), (12, 15), (13, 16)],
    ),
    'animalpose': (
        'L_Eye, R_Eye, L_EarBase, R_EarBase, Nose, Throat, TailBase, Withers, L_F_Elbow, '
        'R_F_Elbow, L_B_Elbow, R_B_Elbow, L_F_Knee, R_F_Knee, L_B_Knee, R_B_Knee, L_F_Paw, '
        'R_F_Paw, L_B_Paw, R_B_Paw',
        [(0, 1), (2, 3), *((i, i + 1) for i in range(8, 20, 2))],
    ),
    'atrw': (
        'left_ear, right_ear, nose, right_shoulder, right_front_paw, left_shoulder, '
        'left_front_paw, right_hip, right_knee, right_back_paw, left_hip, left_knee, '
        'left_back_paw, tail, center',
        [(0, 1), (3, 5), (4, 6), (7, 10), (8, 11), (9, 12)],
    ),
    # Seen from one side only: near and off are no left and right, nothing is exchanged.
    'horse10': (
        'Nose, Eye, Nearknee, Nearfrontfetlock, Nearfrontfoot, Offknee, Offfrontfetlock, '
        'Offfrontfoot, Shoulder, Midshoulder, Elbow, Girth, Wither, Nearhindhock, '
        'Nearhindfetlock, Nearhindfoot, Hip, Stifle, Offhindhock, Offhindfetlock, Offhindfoot, '
        'Ischium',
        [],
    ),
    'fly': (
        ', '.join(
            (
                *('head', 'eyeL', 'eyeR', 'neck', 'thorax', 'abdomen'),
                *(*_fly_legs('R'), *_fly_legs('L'), 'wingL', 'wingR'),
            )
        ),
        [(1, 2), *((i, i + 12) for i in range(6, 18)), (30, 31)],
    ),
    'locust': (
        ', '.join(
            (
                *('head', 'neck', 'thorax', 'abdomen1', 'abdomen2', 'anttipL', 'antbaseL', 'eyeL'),
                *(*_fly_legs('L'), 'anttipR', 'antbaseR', 'eyeR', *_fly_legs('R')),
            )
        ),
        [(i, i + 15) for i in range(5, 20)],
    ),
    # One hand: in a mirrored image each keypoint stays what it is.
    'onehand10k': (HAND, []),
    'interhand2d': (', '.join([*reversed(HAND.split(', ')[1:]), 'wrist']), []),
}

#: Faces whose keypoints have numbers only -> number of keypoints, pairs.
NUMBERED = {
    '300w': (
        68,
        [
            *((i, 16 - i) for i in range(8)),
            *((17 + i, 26 - i) for i in range(5)),
            *((31, 35), (32, 34)),
            *((36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)),
            *((48, 54), (49, 53), (50, 52), (55, 59), (56, 58)),
            *((60, 64), (61, 63), (65, 67)),
        ],
    ),
    'wflw': (
        98,
        [
            *((i, 32 - i) for i in range(16)),
            *((33, 46), (34, 45), (35, 44), (36, 43), (37, 42)),
            *((38, 50), (39, 49), (40, 48), (41, 47)),
            *((55, 59), (56, 58)),
            *((60, 72), (61, 71), (62, 70), (63, 69), (64, 68), (65, 75), (66, 74), (67, 73)),
            *((76, 82), (77, 81), (78, 80), (83, 87), (84, 86), (88, 92), (89, 91), (93, 95)),
            (96, 97),
        ],
    ),
}
