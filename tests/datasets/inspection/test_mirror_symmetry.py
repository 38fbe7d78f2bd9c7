import json

import numpy as np
import pytest
from datasets.crowd import draw_figures
from skeletons.public_skeletons import COCO_PAIRS, NAMED, NUMBERED

from posenas.datasets.inspection.mirror_symmetry import find_mirror_pairs
from posenas.skeletons import COCO, CROWDPOSE, LSP, MPII

LAYOUTS = {
    **{name: (len(names.split(', ')), pairs) for name, (names, pairs) in NAMED.items() if pairs},
    **NUMBERED,
}


def pairs_of(partners):
    return [(i, int(j)) for i, j in enumerate(partners) if i < j]


@pytest.mark.parametrize('name', LAYOUTS)
def test_the_pairs_of_drawn_figures_are_found_without_names(name):
    num_joints, pairs = LAYOUTS[name]
    points = draw_figures(num_joints, pairs, count=400)
    found = find_mirror_pairs(points, np.ones(points.shape[:2], bool))
    assert pairs_of(found.partners) == sorted(pairs)
    assert found.certainty.min() > 0.8


def test_missing_joints_do_no_harm():
    points = draw_figures(17, COCO_PAIRS, count=1000)
    labelled = np.random.default_rng(1).random(points.shape[:2]) < 0.7
    points[~labelled] = 0
    assert pairs_of(find_mirror_pairs(points, labelled).partners) == COCO_PAIRS


def test_figures_that_all_face_one_way_give_no_pairs():
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 1, (12, 2)) * (1, 0.5)
    places[:, 0] = np.sort(places[:, 0]) ** 3
    points = places + rng.normal(0, 0.01, (300, 12, 2))
    found = find_mirror_pairs(points, np.ones((300, 12), bool))
    assert pairs_of(found.partners) == []


def test_pairs_that_are_known_stay():
    points = draw_figures(17, COCO_PAIRS, count=300)
    known = np.full(17, -1)
    known[[1, 4]] = 4, 1
    known[0] = 0
    found = find_mirror_pairs(points, np.ones((300, 17), bool), known).partners
    assert (found[0], found[1], found[4]) == (0, 4, 1)
    assert pairs_of(found)[1:] == COCO_PAIRS[2:]


@pytest.mark.parametrize('count', [0, 1, 2])
def test_a_handful_of_persons_is_no_error(count):
    points = draw_figures(5, [(0, 1)], count=count)
    found = find_mirror_pairs(points, np.ones((count, 5), bool))
    assert found.partners.shape == found.certainty.shape == (5,)


def test_joints_never_seen_have_no_partner():
    points = draw_figures(17, COCO_PAIRS, count=300)
    labelled = np.ones((300, 17), bool)
    labelled[:, [3, 4]] = False
    found = find_mirror_pairs(points, labelled)
    assert found.partners[[3, 4]].tolist() == [3, 4]
    assert found.partners[1] == 2


def test_real_annotations_give_the_published_pairs(shared_dir):
    data = shared_dir / 'data'
    people = np.load(data / 'coco_val2017_kpt' / 'train2017_keypoints.npz')['keypoints'][:30000]
    sets = {'coco': (people, COCO)}
    for name, file, skeleton in (
        ('lspet', 'lspet/annotations/lspet_train.json', LSP),
        ('crowdpose', 'crowdpose_val/crowdpose_val.json', CROWDPOSE),
    ):
        records = json.loads((data / file).read_text())['annotations']
        joints = [r['keypoints'] for r in records if any(r.get('keypoints', ())[2::3])]
        sets[name] = np.reshape(joints, (-1, skeleton.num_joints, 3)), skeleton
    records = json.loads((data / 'mpii_val' / 'mpii_val.json').read_text())
    flags = np.array([r['joints_vis'] for r in records])[..., None]
    sets['mpii'] = np.concatenate([[r['joints'] for r in records], flags], axis=2), MPII
    for name, (joints, skeleton) in sets.items():
        found = find_mirror_pairs(joints[..., :2].astype(float), joints[..., 2] > 0)
        assert tuple(found.partners) == skeleton.flip_indices, name
        assert found.certainty.min() > 0.95, name
