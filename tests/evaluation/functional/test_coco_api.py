import copy
import gzip
import json
import logging

import numpy as np
import pytest

from posenas.evaluation.functional import STATISTICS, evaluate_keypoints, prepare_ground_truth
from posenas.evaluation.functional.coco_api import _some
from posenas.skeletons import COCO, CROWDPOSE
from posenas.utils import DataError

CROWD_KEYS = ('AP', 'AP50', 'AP75', 'AR', 'AR50', 'AR75', 'AP_easy', 'AP_medium', 'AP_hard')
KEYS = ('AP', 'AP50', 'AP75', 'AP_M', 'AP_L', 'AR', 'AR50', 'AR75', 'AR_M', 'AR_L')


class Sample:
    """Inputs of one evaluation and the recorded statistics."""

    def __init__(self, folder, iou_type, sigmas):
        self.truth = json.loads((folder / 'gt.json').read_text())
        self.results = json.loads((folder / 'results.json').read_text())
        self.expected = json.loads((folder / 'expected.json').read_text())
        self.iou_type, self.sigmas = iou_type, sigmas

    def evaluate(self, truth=None, results=None, use_area=None, **kwargs):
        return evaluate_keypoints(
            self.truth if truth is None else truth,
            self.results if results is None else results,
            self.sigmas,
            self.iou_type,
            self.iou_type == 'keypoints' if use_area is None else use_area,
            **kwargs,
        )


@pytest.fixture(scope='module')
def coco(golden_dir):
    return Sample(golden_dir / 'coco_eval', 'keypoints', COCO.sigmas)


@pytest.fixture(scope='module')
def crowd(golden_dir):
    folder = golden_dir / 'coco_eval' / 'crowdpose'
    return Sample(folder, 'keypoints_crowd', CROWDPOSE.sigmas)


def assert_recorded(stats, recorded, keys=KEYS):
    assert list(stats.values()) == pytest.approx([recorded[key] for key in keys], abs=1e-6)
    assert all(type(value) is float for value in stats.values())


def test_statistics_equal_the_recorded_ones(coco):
    stats = coco.evaluate()
    assert tuple(stats) == STATISTICS['keypoints']
    assert_recorded(stats, coco.expected['keypoints'])


def test_areas_from_boxes_equal_the_recorded_ones(coco):
    recorded = coco.expected['keypoints_area_from_bbox']['stats']
    assert_recorded(coco.evaluate(use_area=False), recorded)
    truth = copy.deepcopy(coco.truth)
    for annotation in truth['annotations']:
        del annotation['area']
    assert_recorded(coco.evaluate(truth, use_area=False), recorded)


def test_crowd_statistics_equal_the_recorded_ones(crowd):
    assert crowd.sigmas == pytest.approx(crowd.expected['sigmas'])
    stats = crowd.evaluate()
    assert tuple(stats) == STATISTICS['keypoints_crowd']
    assert_recorded(stats, crowd.expected['keypoints_crowd'], CROWD_KEYS)


def test_inputs_are_not_modified(coco):
    before = json.dumps([coco.truth, coco.results])
    coco.evaluate()
    assert json.dumps([coco.truth, coco.results]) == before


def test_order_of_results_with_distinct_scores_does_not_matter(coco):
    rng = np.random.default_rng(0)
    results = [dict(row, score=row['score'] + 1e-6 * i) for i, row in enumerate(coco.results)]
    shuffled = [results[i] for i in rng.permutation(len(results))]
    assert coco.evaluate(results=shuffled) == coco.evaluate(results=results)


def test_perfect_results_score_one(coco):
    results = [
        dict(image_id=a['image_id'], category_id=1, keypoints=a['keypoints'], score=1.0)
        for a in coco.truth['annotations']
        if a['num_keypoints'] and not a['iscrowd']
    ]
    counts = [r['image_id'] for r in results]
    results = [r for r in results if counts.count(r['image_id']) <= 20]
    kept = {r['image_id'] for r in results}
    truth = dict(
        coco.truth,
        annotations=[a for a in coco.truth['annotations'] if a['image_id'] in kept],
    )
    assert set(coco.evaluate(truth, results).values()) == {1.0}


def without(field):
    def change(truth):
        for annotation in truth['annotations']:
            annotation.pop(field)

    return change


def number_from_zero(truth):
    for number, annotation in enumerate(truth['annotations']):
        annotation['id'] = number


def counts_agree(truth):
    return [
        (sum(v > 0 for v in a['keypoints'][2::3]), a['num_keypoints']) for a in truth['annotations']
    ]


@pytest.mark.parametrize(
    'change', [without('num_keypoints'), without('id'), number_from_zero], ids=['count', 'id', '0']
)
def test_incomplete_annotations_score_like_complete_ones(coco, change):
    assert all(counted == field for counted, field in counts_agree(coco.truth))
    truth = copy.deepcopy(coco.truth)
    change(truth)
    assert coco.evaluate(truth) == coco.evaluate()


def test_missing_iscrowd_means_no_crowd(coco):
    truth = copy.deepcopy(coco.truth)
    without('iscrowd')(truth)
    plain = copy.deepcopy(coco.truth)
    for annotation in plain['annotations']:
        annotation['iscrowd'] = 0
    assert coco.evaluate(truth) == coco.evaluate(plain) != coco.evaluate()


def test_contradicting_num_keypoints_decides_and_is_logged(coco, caplog):
    truth = copy.deepcopy(coco.truth)
    ignored = [a for a in truth['annotations'] if a['num_keypoints']][:40]
    for annotation in ignored:
        annotation['num_keypoints'] = 0
    from mmengine.logging import MMLogger

    logger = MMLogger.get_instance('evaluation', logger_name='evaluation')
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING):
        assert coco.evaluate(truth) != coco.evaluate()
    assert 'contradicts the visibilities of 40 annotations' in caplog.text


def test_results_with_zero_confidences_count(coco):
    results = copy.deepcopy(coco.results)
    for row in results:
        row['keypoints'][2::3] = [0] * 17
    assert coco.evaluate(results=results) == coco.evaluate()


def test_boxes_in_results_change_nothing(coco):
    results = [dict(row, bbox=[0, 0, 1, 1], area=3) for row in coco.results]
    assert coco.evaluate(results=results) == coco.evaluate()


def test_no_results_score_zero(coco, crowd):
    assert set(coco.evaluate(results=[]).values()) == {0.0}
    assert set(crowd.evaluate(results=[]).values()) == {0.0}


def test_empty_size_class_is_minus_one_and_empty_crowd_split_nan(coco, crowd):
    truth = copy.deepcopy(coco.truth)
    for annotation in truth['annotations']:
        annotation['area'] = 5000.0
    stats = coco.evaluate(truth)
    assert stats['AP (L)'] == stats['AR (L)'] == -1
    truth = copy.deepcopy(crowd.truth)
    for image in truth['images']:
        image['crowdIndex'] = 0.9
    stats = crowd.evaluate(truth)
    assert np.isnan(stats['AP(E)'])
    assert stats['AP(H)'] > 0.5


def spoil_result(field, value):
    def spoil(truth, results):
        results[3][field] = value

    return spoil


def spoil_annotation(field, value):
    def spoil(truth, results):
        truth['annotations'][7][field] = value
        truth['annotations'][7]['id'] = 77

    return spoil


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (spoil_result('score', float('nan')), r'score of result 3 \(image \d+\) must hold finite'),
        (
            spoil_result('keypoints', [float('inf')] * 51),
            r'result 3 \(image \d+\) must hold finite',
        ),
        (spoil_result('keypoints', [1.0] * 42), r'result 3 .* must hold 51 values'),
        (spoil_result('image_id', 10**9), r'result 3 \(image 1000000000\) must name an image'),
        (spoil_result('category_id', 9), r'result 3 .* got category 9'),
        (spoil_annotation('keypoints', [1, 2, 2]), r'annotation 77 .* must hold 51 values'),
        (spoil_annotation('keypoints', [float('nan')] * 51), r'annotation 77 .* finite'),
        (spoil_annotation('keypoints', [None] * 51), r'annotation 77 .* finite'),
        (spoil_annotation('bbox', [1, 2, 3]), r'bbox of annotation 77 .* must hold 4 values'),
        (spoil_annotation('bbox', [1, 2, 3, float('nan')]), r'bbox of annotation 77 .* finite'),
        (spoil_annotation('area', float('nan')), r'area of annotation 77 .* finite'),
        (spoil_annotation('area', None), r'area of annotation 77 .* finite'),
        (spoil_result('score', None), r'result 3 .* must hold finite'),
        (spoil_result('keypoints', 7), r'result 3 .* must be a list'),
        (lambda truth, results: results.insert(0, 5), r'results\[0\] must be an object'),
        (lambda truth, results: results[1].pop('score'), r"results\[1\] must have 'score'"),
        (lambda truth, results: truth.update(images={}), 'images must be a list'),
        (spoil_annotation('image_id', [1]), r'annotations\[\d+\].image_id must be a number'),
        (lambda truth, results: truth['annotations'][0].pop('bbox'), "must have 'bbox'"),
        (lambda truth, results: truth['annotations'][0].pop('image_id'), "must have 'image_id'"),
        (spoil_annotation('image_id', 10**9), r'annotation 77 must belong to an image'),
        (lambda truth, results: truth['annotations'][0].pop('area'), r'must have an area'),
        (lambda truth, results: truth.pop('images'), r"must be COCO JSON with 'images'"),
    ],
)
def test_broken_input_is_refused_by_name(coco, spoil, message):
    truth, results = copy.deepcopy(coco.truth), copy.deepcopy(coco.results)
    spoil(truth, results)
    with pytest.raises(DataError, match=message):
        coco.evaluate(truth, results)


@pytest.mark.parametrize('size', [(0, 3), (0.4, 3), (3, 0)])
def test_a_box_may_have_no_width_or_height_but_not_a_negative_one(coco, size):
    truth = copy.deepcopy(coco.truth)
    annotation = truth['annotations'][7]
    annotation['bbox'][2:] = size
    prepare_ground_truth(truth, 17, 'keypoints')
    annotation['bbox'][2:] = [-length or 3 for length in size]
    with pytest.raises(DataError, match='must not be negative'):
        prepare_ground_truth(truth, 17, 'keypoints')


def test_missing_crowd_index_is_refused_by_name(crowd):
    truth = copy.deepcopy(crowd.truth)
    del truth['images'][2]['crowdIndex']
    with pytest.raises(DataError, match=f'missing in image ids {truth["images"][2]["id"]}:'):
        crowd.evaluate(truth)


def test_unknown_names_are_refused(coco):
    with pytest.raises(ValueError, match='backend must be one of'):
        coco.evaluate(backend='pycocotools')
    with pytest.raises(ValueError, match='iou_type must be one of'):
        evaluate_keypoints(coco.truth, [], COCO.sigmas, 'bbox')


def test_xtcocotools_agrees(coco, crowd):
    pytest.importorskip('xtcocotools')
    assert coco.evaluate(backend='xtcocotools') == pytest.approx(coco.evaluate(), abs=1e-6)
    assert crowd.evaluate(backend='xtcocotools') == pytest.approx(crowd.evaluate(), abs=1e-6)


@pytest.mark.parametrize(
    ('truth', 'results'),
    [
        ('person_keypoints_val2017_official_538.json', 'results_sim_538.json.gz'),
        ('person_keypoints_val2017_recon.json', 'results_sim_gtbox.json.gz'),
    ],
)
def test_real_coco_annotations_score_as_the_official_tool_does(shared_dir, truth, results):
    folder = shared_dir / 'data' / 'coco_val2017_kpt'
    recorded = json.loads((folder / 'expected.json').read_text())[f'{results} on {truth}']
    rows = json.loads(gzip.decompress((folder / results).read_bytes()))
    stats = evaluate_keypoints(json.loads((folder / truth).read_text()), rows, COCO.sigmas)
    keys = ('AP', 'AP50', 'AP75', 'APM', 'APL', 'AR', 'AR50', 'AR75', 'ARM', 'ARL')
    assert_recorded(stats, recorded, keys)


def test_real_crowdpose_annotations_score_as_xtcocotools_does(shared_dir):
    folder = shared_dir / 'data' / 'crowdpose_val'
    recorded = json.loads((folder / 'expected.json').read_text())['results_sim.json.gz']
    rows = json.loads(gzip.decompress((folder / 'results_sim.json.gz').read_bytes()))
    truth = json.loads((folder / 'crowdpose_val.json').read_text())
    stats = evaluate_keypoints(truth, rows, CROWDPOSE.sigmas, 'keypoints_crowd', use_area=False)
    assert_recorded(stats, recorded, CROWD_KEYS)


@pytest.mark.parametrize(('count', 'text'), [(5, '0, 1, 2, 3, 4'), (6, '0, 1, 2, 3, 4, ...')])
def test_more_than_five_ids_are_cut_off(count, text):
    assert _some(range(count)) == text
