"""Skeletons of data files have the numbers of keypoints and pairs that their data sets publish."""

import pytest

from posenas.skeletons import STORED, get_skeleton

#: Data set -> keypoints, pairs that change places in a mirrored image, as published.
PUBLISHED = {
    **dict.fromkeys(('300vw', '300w', '300wlp', 'coco_wholebody_face'), (68, 29)),
    **dict.fromkeys(('humanart', 'macaque', 'ochuman'), (17, 8)),
    **dict.fromkeys(('coco_wholebody', 'ubody2d'), (133, 8 + 3 + 29 + 21)),
    **dict.fromkeys(('coco_aic', 'humanart_aic'), (19, 8)),
    **dict.fromkeys(('coco_wholebody_hand', 'freihand2d', 'interhand2d'), (21, 0)),
    **dict.fromkeys(('onehand10k', 'panoptic_hand2d', 'rhd2d'), (21, 0)),
    'aflw': (19, 8),
    'aic': (14, 6),
    'ak': (23, 8),
    'animalpose': (20, 8),
    'ap10k': (17, 7),
    'atrw': (15, 6),
    'coco': (17, 8),
    'coco_openpose': (18, 8),
    'coco_wholebody_openpose': (134, 8 + 3 + 29 + 21),
    'cofw': (29, 11),
    'crowdpose': (14, 6),
    'deepfashion2': (294, 131),
    'deepfashion_full': (8, 4),
    'deepfashion_lower': (4, 2),
    'deepfashion_upper': (6, 3),
    'exlpose': (14, 6),
    'fly': (32, 14),
    'halpe': (136, 8 + 3 + 29 + 21),
    'halpe26': (26, 11),
    'horse10': (22, 0),
    'humanart21': (21, 10),
    'interhand3d': (42, 21),
    'jhmdb': (15, 6),
    'lapa': (106, 48),
    'locust': (35, 15),
    'lsp': (14, 6),
    'mhp': (16, 6),
    'mpii': (16, 6),
    'mpii_trb': (40, 19),
    'posetrack17': (15, 6),
    'posetrack18': (17, 7),
    'wflw': (98, 16 + 9 + 2 + 8 + 5 + 3 + 1),
    'zebra': (9, 2),
}


def test_the_table_names_every_stored_skeleton():
    assert PUBLISHED.keys() == STORED


@pytest.mark.parametrize('name', sorted(PUBLISHED))
def test_a_stored_skeleton_has_the_published_numbers(name):
    skeleton = get_skeleton(name)
    assert (skeleton.num_joints, len(skeleton.flip_pairs)) == PUBLISHED[name]
    assert skeleton.name == name
    halves = {*skeleton.upper_body_ids, *skeleton.lower_body_ids}
    assert halves == set(range(skeleton.num_joints))
    assert min(skeleton.sigmas) > 0


def test_pairs_that_the_names_tell_are_those_of_the_file():
    for name in sorted(STORED):
        joints = get_skeleton(name).joint_names
        for first, second in get_skeleton(name).flip_pairs:
            sides = [joints[first].lower(), joints[second].lower()]
            if 'left' in sides[0] and 'right' in sides[1]:
                sides[0] = sides[0].replace('left', 'right')
                assert sides[0] == sides[1], name
