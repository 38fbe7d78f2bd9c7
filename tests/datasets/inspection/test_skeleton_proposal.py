import numpy as np
import pytest
from datasets.crowd import draw_figures, write_figures
from skeletons.public_skeletons import COCO_PAIRS, NUMBERED

from posenas.datasets.annotations import read_coco_file
from posenas.datasets.inspection.skeleton_proposal import propose_skeleton, repeated_spread
from posenas.skeletons import COCO, LEFT_COLOR, RIGHT_COLOR, make_skeleton


def propose(path, **kwargs):
    coco = read_coco_file(str(path))
    persons, _ = coco.persons(coco.skeleton.num_joints, '1.x')
    return propose_skeleton(persons, coco.skeleton, **kwargs)


def numbered(count, word='kpt'):
    return [f'{word}-{i}' for i in range(count)]


def test_a_known_skeleton_is_taken_whole(tmp_path):
    points = draw_figures(17, COCO_PAIRS, 30)
    proposal = propose(write_figures(tmp_path / 'a.json', points, list(COCO.joint_names)))
    assert proposal.skeleton is COCO
    assert set(proposal.pair_sources) == {'built-in skeleton coco'}
    assert proposal.doubts == ()


def test_names_tell_pairs_and_parts(tmp_path):
    names = ['Nose', 'L_Eye', 'R_Eye', 'L_F_Paw', 'R_F_Paw', 'L_Horn']
    points = draw_figures(6, [(1, 2), (3, 4)], 30)
    proposal = propose(write_figures(tmp_path / 'a.json', points, names), name='cows')
    skeleton = proposal.skeleton
    assert skeleton.name == 'cows'
    assert skeleton.flip_indices == (0, 2, 1, 4, 3, 5)
    assert skeleton.sigmas == (0.026, 0.025, 0.025, 0.062, 0.062, 0.079)
    assert proposal.pair_sources[:3] == ('name without a side', 'names', 'names')
    assert proposal.sigma_sources[-1] == "unknown part: a shoulder's"
    assert 'L_Horn' in proposal.doubts[0]


def test_geometry_tells_pairs_where_names_do_not(tmp_path):
    points = draw_figures(17, COCO_PAIRS, 400)
    proposal = propose(write_figures(tmp_path / 'a.json', points, numbered(17)))
    assert list(proposal.skeleton.flip_pairs) == COCO_PAIRS
    assert all(source.startswith('geometry, ') for source in proposal.pair_sources)
    assert {proposal.skeleton.joint_colors[i] for i in (1, 2)} == {LEFT_COLOR, RIGHT_COLOR}
    assert proposal.doubts == ()


def test_geometry_completes_what_names_tell(tmp_path):
    names = [*COCO.joint_names, *numbered(4, 'face')]
    points = draw_figures(21, [*COCO_PAIRS, (17, 20), (18, 19)], 400)
    proposal = propose(write_figures(tmp_path / 'a.json', points, names))
    assert list(proposal.skeleton.flip_pairs) == [*COCO_PAIRS, (17, 20), (18, 19)]
    assert proposal.pair_sources[1] == 'names'
    assert proposal.pair_sources[17].startswith('geometry')


@pytest.mark.parametrize('name', NUMBERED)
@pytest.mark.parametrize('count', [5, 200])
def test_faces_have_a_known_numbering(tmp_path, name, count):
    num_joints, pairs = NUMBERED[name]
    points = draw_figures(num_joints, pairs, count)
    proposal = propose(write_figures(tmp_path / 'a.json', points, numbered(num_joints)))
    assert list(proposal.skeleton.flip_pairs) == sorted(pairs)
    assert proposal.pair_sources[0] == f'numbering of faces with {num_joints} points'
    assert set(proposal.skeleton.sigmas) == {0.03}


def test_a_numbering_that_the_annotations_contradict_is_not_taken(tmp_path):
    pairs = [(i, i + 34) for i in range(30)]
    path = write_figures(tmp_path / 'a.json', draw_figures(68, pairs, 300), numbered(68))
    proposal = propose(path)
    assert list(proposal.skeleton.flip_pairs) == pairs
    assert proposal.pair_sources[0].startswith('geometry')


def test_too_few_persons_leave_numbered_joints_without_partner(tmp_path):
    points = draw_figures(17, COCO_PAIRS, 5)
    proposal = propose(write_figures(tmp_path / 'a.json', points, numbered(17)))
    assert proposal.skeleton.flip_pairs == ()
    assert 'partner unknown' in proposal.doubts[0]
    assert 'RandomFlip' in proposal.doubts[1]


def test_a_hand_has_no_pairs_and_says_so(tmp_path):
    names = ['wrist', *(f'{finger}{i}' for finger in ('thumb', 'ring') for i in range(4))]
    points = draw_figures(9, [(1, 5), (2, 6)], 100)
    proposal = propose(write_figures(tmp_path / 'a.json', points, names))
    assert proposal.skeleton.flip_pairs == ()
    assert set(proposal.pair_sources) == {'name without a side'}
    assert 'one hand' in proposal.doubts[0]


def test_pairs_and_limbs_of_the_file_are_taken(tmp_path):
    points = draw_figures(5, [(1, 2), (3, 4)], 100)
    given = dict(flip_indices=[0, 2, 1, 3, 4], skeleton=[[1, 2], [1, 3]])
    path = write_figures(tmp_path / 'a.json', points, ['a', 'b', 'c', 'd', 'e'], **given)
    proposal = propose(path)
    assert proposal.skeleton.flip_pairs == ((1, 2),)
    assert proposal.pair_sources[1] == 'file'
    assert proposal.skeleton.limbs == ((0, 1), (0, 2))
    assert proposal.limb_source == 'file'


def test_limbs_join_near_joints_and_all_of_them(tmp_path):
    rng = np.random.default_rng(0)
    chain = np.stack([np.arange(6) * 10.0, np.zeros(6)], 1) + rng.normal(0, 0.5, (40, 6, 2))
    shuffled = [3, 0, 5, 1, 4, 2]
    points = chain[:, shuffled] + 300
    proposal = propose(write_figures(tmp_path / 'a.json', points, ['a', 'b', 'c', 'd', 'e', 'f']))
    joined = {tuple(sorted((shuffled[i], shuffled[j]))) for i, j in proposal.skeleton.limbs}
    assert joined == {(i, i + 1) for i in range(5)}


def _annotate(points, spread, times, seed=0):
    """Annotate figures several times; the spread is that of sigmas, area 0.53 of the box."""
    rng = np.random.default_rng(seed)
    box = np.ptp(points, axis=1)
    size = np.sqrt(0.53 * box.prod(axis=1))[:, None, None]
    noise = rng.normal(0, 1, (times, *points.shape)) * (np.array(spread) / np.sqrt(2))[:, None]
    return points + noise * size


def test_sigmas_are_measured_where_persons_are_annotated_twice(tmp_path):
    points = draw_figures(8, [(0, 1), (2, 3)], 1500, tilt=0)
    spread = [0.02, 0.02, 0.05, 0.05, 0.03, 0.01, 0.06, 0.04]
    doubled = _annotate(points, spread, 2).transpose(1, 0, 2, 3).reshape(-1, 8, 2)
    path = write_figures(tmp_path / 'a.json', doubled, list('abcdefgh'))
    coco = read_coco_file(str(path))
    persons, _ = coco.persons(8, '1.x')
    persons.image_rows = persons.image_rows // 2
    measured, counts = repeated_spread(persons)
    assert counts.min() > 1000
    assert measured == pytest.approx(spread, rel=0.12)
    proposal = propose_skeleton(persons, make_skeleton('x', list('abcdefgh')))
    assert proposal.sigma_sources[0].startswith('measured on ')
    assert proposal.skeleton.sigmas[2] == pytest.approx(0.05, rel=0.12)


def test_people_side_by_side_are_not_one_person(tmp_path):
    points = draw_figures(8, [(0, 1)], 400)
    coco = read_coco_file(str(write_figures(tmp_path / 'a.json', points, list('abcdefgh'))))
    persons, _ = coco.persons(8, '1.x')
    persons.image_rows = persons.image_rows // 2
    assert repeated_spread(persons)[1].max() == 0
