"""Our matches against the back end, and what resampling and error kinds make of them."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posenas.evaluation.functional import (
    ERROR_KINDS,
    OKS_THRESHOLDS,
    classify_errors,
    confidence_intervals,
    correct_errors,
    evaluate_keypoints,
    match_poses,
    paired_p_values,
    precision_and_recall,
    prepare_ground_truth,
    rank_matches,
    resample,
    tabulate,
)
from posenas.skeletons import COCO, CROWDPOSE

SIGMAS = np.array(COCO.sigmas)
FLIP = np.array(COCO.flip_indices)


def make_table(truth, results, num_keypoints=17, use_area=True):
    prepared = prepare_ground_truth(truth, num_keypoints, 'keypoints', use_area)
    return tabulate(prepared, results, num_keypoints)


def load(path):
    if path.suffix == '.gz':
        import gzip

        return json.loads(gzip.decompress(path.read_bytes()))
    return json.loads(path.read_text())


@pytest.fixture(scope='module')
def golden(golden_dir):
    folder = golden_dir / 'coco_eval'
    return load(folder / 'gt.json'), load(folder / 'results.json')


def make_scene(num_persons=3, num_images=2, seed=0):
    """Persons far from each other, all keypoints labelled, and perfect results with scores."""
    rng = np.random.default_rng(seed)
    truth = dict(
        images=[dict(id=i) for i in range(num_images)], categories=[dict(id=1)], annotations=[]
    )
    results = []
    for number in range(num_persons * num_images):
        corner = 1000.0 * (number % num_persons)
        joints = corner + rng.uniform(0, 100, (17, 2))
        keypoints = np.column_stack([joints, np.full(17, 2)]).ravel().tolist()
        shared = dict(image_id=number // num_persons, category_id=1, keypoints=keypoints)
        truth['annotations'].append(
            dict(shared, id=number, bbox=[corner, corner, 100, 100], area=1e4, iscrowd=0)
        )
        results.append(dict(shared, score=float(rng.uniform(0.1, 1))))
    return truth, results


def move(row, joint, place):
    keypoints = list(row['keypoints'])
    keypoints[3 * joint : 3 * joint + 2] = place
    return dict(row, keypoints=keypoints)


def place_of(row, joint):
    return row['keypoints'][3 * joint : 3 * joint + 2]


def test_precision_equals_that_of_the_back_end(golden):
    truth, results = golden
    stats = evaluate_keypoints(truth, results, COCO.sigmas)
    precision, recall = precision_and_recall(rank_matches(make_table(truth, results), SIGMAS))
    assert stats['AP'] == pytest.approx(precision.mean(), abs=1e-12)
    assert stats['AP .5'] == pytest.approx(precision[0], abs=1e-12)
    assert stats['AP .75'] == pytest.approx(precision[5], abs=1e-12)
    assert stats['AR'] == pytest.approx(recall.mean(), abs=1e-12)


@pytest.mark.parametrize(
    ('folder', 'truth', 'results', 'skeleton'),
    [
        (
            'coco_val2017_kpt',
            'person_keypoints_val2017_official_538.json',
            'results_sim_538.json.gz',
            COCO,
        ),
        (
            'coco_val2017_kpt',
            'person_keypoints_val2017_recon.json',
            'results_sim_gtbox.json.gz',
            COCO,
        ),
        ('crowdpose_val', 'crowdpose_val.json', 'results_sim.json.gz', CROWDPOSE),
    ],
)
def test_precision_equals_that_of_the_back_end_at_full_size(
    folder, truth, results, skeleton, shared_dir
):
    folder = shared_dir / 'data' / folder
    truth, results = load(folder / truth), load(folder / results)
    has_area = skeleton is COCO
    stats = evaluate_keypoints(truth, results, skeleton.sigmas, 'keypoints', has_area)
    table = make_table(truth, results, len(skeleton.sigmas), has_area)
    precision, recall = precision_and_recall(rank_matches(table, np.array(skeleton.sigmas)))
    assert stats['AP'] == pytest.approx(precision.mean(), abs=1e-12)
    assert stats['AR'] == pytest.approx(recall.mean(), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_precision_equals_that_of_the_back_end_for_any_scene(seed):
    """Crowds, unlabelled people, several results a person, equal scores, images without any."""
    rng = np.random.default_rng(seed)
    truth, perfect = make_scene(int(rng.integers(1, 5)), 3, seed)
    truth['images'].append(dict(id=99))
    for annotation in truth['annotations']:
        annotation['iscrowd'] = int(rng.random() < 0.2)
        if rng.random() < 0.3:
            annotation['keypoints'] = [0.0] * 51
    results = []
    for row in perfect:
        for _ in range(int(rng.integers(0, 30 if rng.random() < 0.1 else 4))):
            noise = np.column_stack([rng.normal(0, rng.choice([0, 5, 30]), (17, 2)), np.zeros(17)])
            keypoints = (np.array(row['keypoints']) + noise.ravel()).tolist()
            results.append(dict(row, keypoints=keypoints, score=float(rng.choice([0.2, 0.5, 0.9]))))
    if not results or not any(
        a['keypoints'] != [0.0] * 51 and not a['iscrowd'] for a in truth['annotations']
    ):
        return
    stats = evaluate_keypoints(truth, results, COCO.sigmas)
    precision, recall = precision_and_recall(rank_matches(make_table(truth, results), SIGMAS))
    assert stats['AP'] == pytest.approx(precision.mean(), abs=1e-9)
    assert stats['AR'] == pytest.approx(recall.mean(), abs=1e-9)


def test_perfect_results_have_precision_1_in_any_order():
    truth, results = make_scene(num_persons=20, num_images=3)
    for rows in (results, results[::-1]):
        precision, recall = precision_and_recall(rank_matches(make_table(truth, rows), SIGMAS))
        assert precision == pytest.approx(np.ones(10))
        assert recall == pytest.approx(np.ones(10))


def test_a_weight_counts_an_image_as_if_it_were_there_so_often(golden):
    truth, results = golden
    # no equal scores: among those the order of the copies would differ
    results = [dict(row, score=row['score'] + 1e-6 * i) for i, row in enumerate(results)]
    table = make_table(truth, results)
    ranked = rank_matches(table, SIGMAS)
    weights = np.random.default_rng(0).integers(0, 3, len(table.image_ids))
    repeated = dict(truth, images=[], annotations=[])
    rows = []
    for weight, image_id in zip(weights, table.image_ids, strict=True):
        for copy in range(weight):
            new = dict(image_id=image_id * 10 + copy)
            repeated['images'].append(dict(id=new['image_id']))
            repeated['annotations'] += [
                dict(a, **new) for a in truth['annotations'] if a['image_id'] == image_id
            ]
            rows += [dict(r, **new) for r in results if r['image_id'] == image_id]
    wanted = precision_and_recall(rank_matches(make_table(repeated, rows), SIGMAS))
    weighted = precision_and_recall(ranked, weights.astype(float))
    assert np.allclose(weighted, wanted, atol=1e-12)


def test_intervals_of_resampled_precision_hold_the_score(golden):
    ranked = rank_matches(make_table(*golden), SIGMAS)

    def score(weights):
        return np.array([precision_and_recall(ranked, weights)[0].mean()])

    value = score(np.ones(len(ranked.persons)))
    samples = resample(score, len(ranked.persons), 200, seed=1)
    assert np.array_equal(samples, resample(score, len(ranked.persons), 200, seed=1))
    (interval,) = confidence_intervals(value, samples)
    (wider,) = confidence_intervals(value, samples, level=0.99)
    assert wider.low <= interval.low < interval.value < interval.high <= wider.high


def test_resampling_covers_a_known_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        values = rng.normal(3.0, 1.0, 60)
        samples = resample(lambda w, v=values: np.array([w @ v / w.sum()]), 60, 200, seed)
        (interval,) = confidence_intervals(values.mean(keepdims=True), samples)
        covered += interval.low <= 3.0 <= interval.high
    assert 0.88 <= covered / 200 <= 0.98


def test_p_values_tell_a_difference_from_none():
    rng = np.random.default_rng(0)
    differences = np.column_stack([rng.normal(3, 1, 999), rng.normal(0, 1, 999), np.zeros(999)])
    clear, none, equal = paired_p_values(differences)
    assert clear == pytest.approx(2 * 2 / 1000, abs=0.004)
    assert none > 0.5
    assert equal == 1


def test_ranks_beyond_the_twentieth_result_of_an_image_do_not_count():
    truth, results = make_scene(1, 1)
    table = make_table(truth, results * 25)
    assert len(table.group) == 20


def kinds_of(truth, results):
    errors = classify_errors(make_table(truth, results), SIGMAS, FLIP)
    counts = errors.count()
    return {name: counts[:, index].tolist() for index, name in enumerate(ERROR_KINDS)}


def test_every_kind_of_error_is_told_apart():
    truth, results = make_scene(num_persons=2, num_images=1)
    wrist, other_wrist, knee = 9, 10, 13
    scale = np.sqrt(1e4 * 2) * 2 * SIGMAS[0]  # of the nose
    x, y = place_of(results[0], 0)
    jittered = move(results[0], 0, [x + scale * np.sqrt(-np.log(0.7)), y])
    inverted = move(jittered, wrist, place_of(results[0], other_wrist))
    swapped = move(inverted, knee, place_of(results[1], knee))
    missed = move(swapped, 5, [-500, -500])
    kinds = kinds_of(truth, [missed, results[1]])
    wanted = {'jitter': 0, 'inversion': wrist, 'swap': knee, 'miss': 5}
    for kind, joint in wanted.items():
        assert np.flatnonzero(kinds[kind]).tolist() == [joint]
    assert sum(map(sum, kinds.values())) == 34


def test_a_joint_at_an_unlabelled_other_side_is_a_miss():
    truth, results = make_scene(num_persons=1, num_images=1)
    wrist, other_wrist = 9, 10
    inverted = move(results[0], wrist, place_of(results[0], other_wrist))
    assert kinds_of(truth, [inverted])['inversion'][wrist] == 1
    truth['annotations'][0]['keypoints'][3 * other_wrist + 2] = 0
    kinds = kinds_of(truth, [inverted])
    assert (kinds['inversion'][wrist], kinds['miss'][wrist]) == (0, 1)


def test_unlabelled_joints_have_no_kind():
    truth, results = make_scene(1, 1)
    truth['annotations'][0]['keypoints'][2::3] = [0] * 5 + [2] * 12
    counts = classify_errors(make_table(truth, results), SIGMAS, FLIP).count()
    assert counts.sum(1).tolist() == [0] * 5 + [1] * 12


def test_correcting_errors_raises_precision_and_all_of_them_find_every_match(golden):
    table = make_table(*golden)
    errors = classify_errors(table, SIGMAS, FLIP)
    before = precision_and_recall(rank_matches(table, SIGMAS))[0].mean()
    corrected = table
    for kind in ERROR_KINDS[1:]:
        alone = correct_errors(table, errors, kind)
        assert precision_and_recall(rank_matches(alone, SIGMAS))[0].mean() >= before - 0.01
        corrected = correct_errors(corrected, errors, kind)
    good_enough = OKS_THRESHOLDS <= 0.85  # from there on keypoints are good and stay
    matches, _ = match_poses(corrected, SIGMAS, OKS_THRESHOLDS[good_enough])
    assert np.array_equal(matches[-1, errors.result], errors.person)
