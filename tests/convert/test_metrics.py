"""A published name of a metric means the data set's own, with its settings and its scores."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from evaluation.metrics.samples import make_sample

from posenas.convert import PUBLISHED_METRICS, choose_metrics, find_metric
from posenas.datasets import MpiiDataset
from posenas.evaluation.functional import evaluate_keypoints
from posenas.registry import DATASETS, METRICS
from posenas.skeletons import JHMDB, SKELETONS
from posenas.utils import ConfigError

ANN_FILE = dict(ann_file='data/a.json')
COCO = dict(type='CocoMetric', **ANN_FILE)
CROWD = dict(COCO, use_area=False, iou_type='keypoints_crowd', prefix='crowdpose')
LSP = dict(type='LspPCKMetric', **ANN_FILE)
BOX = dict(type='PCKAccuracy', norm_item='bbox')
HEAD = dict(type='PCKAccuracy', norm_item='head', thr=0.5)
TORSO = dict(type='PCKAccuracy', norm_item='torso')
MPII = dict(type='MpiiPCKAccuracy')
JHMDB_BOX = dict(type='JhmdbPCKAccuracy', norm_item='bbox', thr=0.2)
JHMDB_TORSO = dict(JHMDB_BOX, norm_item='torso')
SAMPLES = dict(type='CocoMetric', ann_file=None)


def dataset(kind, **settings):
    return dict(dict(type=kind, data_root='data/', ann_file='a.json'), **settings)


@pytest.mark.parametrize(
    ('kind', 'precision', 'pck', 'pckh', 'tpck'),
    [
        ('CocoDataset', COCO, BOX, HEAD, TORSO),
        ('CrowdPoseDataset', CROWD, BOX, HEAD, TORSO),
        ('PoseTrack18Dataset', dict(COCO, type='PoseTrack18Metric'), BOX, HEAD, TORSO),
        ('LspDataset', COCO, LSP, HEAD, LSP),
        ('JhmdbDataset', SAMPLES, JHMDB_BOX, HEAD, JHMDB_TORSO),
        ('MpiiDataset', None, BOX, MPII, TORSO),
        ('DatasetOfAnotherPackage', COCO, BOX, HEAD, TORSO),
    ],
)
def test_a_name_means_the_metric_of_the_data_set(kind, precision, pck, pckh, tpck):
    expected = dict(mAP=precision, PCK=pck, PCKh=pckh, tPCK=tpck)
    for name, metric in expected.items():
        if metric is not None:
            assert choose_metrics([name], [dataset(kind)]) == [metric], name
    assert {*expected, 'NME'} == PUBLISHED_METRICS['BaseTopdownDataset'].keys()


def test_names_without_meaning_are_refused_with_those_that_fit():
    with pytest.raises(
        ConfigError, match=r"mAP .* MpiiDataset: .* \['NME', 'PCK', 'PCKh', 'tPCK'\]"
    ):
        choose_metrics(['mAP'], [dataset('MpiiDataset')])
    with pytest.raises(ConfigError, match=r"'mAPP' is not supported: .*'PCKAccuracy'.*'mAP'"):
        choose_metrics(['mAPP'], [dataset('MpiiDataset')])


def test_every_row_is_a_data_set_and_every_metric_can_be_built_from_it():
    for kind, row in PUBLISHED_METRICS.items():
        assert DATASETS.get(kind) is not None or kind == 'BaseTopdownDataset'
        for metric in filter(None, row.values()):
            METRICS.get(metric['type'])  # loads the metrics
            assert metric['type'] in METRICS.module_dict


def test_subclasses_share_the_metrics_of_their_base():
    with_own_name = type('MyMpii', (MpiiDataset,), {})
    DATASETS.register_module(module=with_own_name)
    try:
        assert find_metric('PCKh', 'MyMpii') == MPII
    finally:
        del DATASETS.module_dict['MyMpii']


@pytest.mark.parametrize(
    ('kind', 'name', 'configured', 'is_taken'),
    [
        ('MpiiDataset', 'PCKh', HEAD, False),
        ('MpiiDataset', 'PCKh', dict(MPII, thr=0.3), True),
        ('CocoDataset', 'PCK', dict(type='PCKAccuracy', thr=0.3), True),
        ('CocoDataset', 'PCK', dict(type='PCKAccuracy', norm_item=['torso', 'bbox']), True),
        ('CocoDataset', 'PCK', TORSO, False),
        ('CocoDataset', 'PCKAccuracy', TORSO, True),
        ('CrowdPoseDataset', 'mAP', dict(CROWD, nms_thr=0.5), True),
        ('PoseTrack18Dataset', 'mAP', COCO, False),
        ('JhmdbDataset', 'tPCK', dict(JHMDB_BOX, norm_item=['bbox', 'torso']), True),
    ],
)
def test_the_metric_of_the_config_is_taken_where_it_is_the_right_one(
    kind, name, configured, is_taken
):
    (chosen,) = choose_metrics([name], [dataset(kind)], [configured])
    assert (chosen == configured) is is_taken
    if not is_taken:
        assert [chosen] == choose_metrics([name], [dataset(kind)])


def test_classes_of_metrics_take_the_settings_of_the_data_set():
    for kind, name, metric in (
        ('CrowdPoseDataset', 'CocoMetric', CROWD),
        ('JhmdbDataset', 'CocoMetric', SAMPLES),
        ('JhmdbDataset', 'JhmdbPCKAccuracy', JHMDB_BOX),
        ('MpiiDataset', 'MpiiPCKAccuracy', MPII),
        ('CocoDataset', 'LspPCKMetric', LSP),
        ('MpiiDataset', 'DumpResults', dict(type='DumpResults')),
    ):
        assert choose_metrics([name], [dataset(kind)]) == [metric]


def test_metrics_are_taken_once_and_no_two_scores_share_a_name():
    assert choose_metrics(['PCK', 'tPCK', 'LspPCKMetric'], [dataset('LspDataset')]) == [LSP]
    both = choose_metrics(['PCKh', 'PCK', 'tPCK'], [dataset('MpiiDataset')])
    assert both == [MPII, dict(BOX, prefix='PCKAccuracy'), TORSO]
    assert choose_metrics(['PCK'], [dataset('MpiiDataset')]) == [BOX]


def test_several_data_sets_must_agree_on_the_metric_and_its_file():
    def two(*kinds):
        return [dataset(kind, ann_file=f'{i}.json') for i, kind in enumerate(kinds)]

    assert choose_metrics(['PCKh'], two('MpiiDataset', 'MpiiDataset')) == [MPII]
    assert choose_metrics(['mAP'], two('CocoDataset', 'CocoDataset')) == [dict(type='CocoMetric')]
    with pytest.raises(ConfigError, match='PCKh must mean one metric'):
        choose_metrics(['PCKh'], two('MpiiDataset', 'CocoDataset'))
    with pytest.raises(ConfigError, match=r"one annotation file.*'data/0.json', 'data/1.json'"):
        choose_metrics(['PCK'], two('LspDataset', 'LspDataset'))


def test_addresses_of_annotations_stay_addresses():
    files = [
        choose_metrics(['mAP'], [dataset('CocoDataset', **paths)])[0]['ann_file']
        for paths in (dict(data_root='s3://b/x'), dict(ann_file='/a.json'), dict(data_root=None))
    ]
    assert files == ['s3://b/x/a.json', '/a.json', 'a.json']


def read(path):
    return json.loads(
        gzip.decompress(path.read_bytes()) if path.suffix == '.gz' else path.read_text()
    )


def score(name, config, samples, skeleton, **changes):
    """Score samples by the metric that ``name`` means for the data set of ``config``."""
    (chosen,) = choose_metrics([name], [config])
    metric = METRICS.build(chosen | changes)
    metric.dataset_meta = SKELETONS[skeleton].metainfo()
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def stored(path):
    """Turn rows of a result file into data samples whose score is the row's."""
    rows = read(path)
    for number, row in enumerate(rows):
        joints = np.reshape(row['keypoints'], (-1, 3))[:, :2]
        size = 1.25 * np.maximum(np.ptp(joints, axis=0), 1)
        keypoints = np.column_stack([joints, np.ones(len(joints))])
        yield make_sample(number, row['image_id'], keypoints, score=row['score'], input_scale=size)


@pytest.mark.parametrize(
    ('kind', 'folder', 'labels', 'results', 'skeleton', 'names'),
    [
        (
            'CocoDataset',
            'coco_val2017_kpt',
            'person_keypoints_val2017_official_538.json',
            'results_sim_538.json.gz',
            'coco',
            ('AP', 'AP50', 'AP75', 'APM', 'APL', 'AR', 'AR50', 'AR75', 'ARM', 'ARL'),
        ),
        pytest.param(
            'CrowdPoseDataset',
            'crowdpose_val',
            'crowdpose_val.json',
            'results_sim.json.gz',
            'crowdpose',
            ('AP', 'AP50', 'AP75', 'AR', 'AR50', 'AR75', 'AP_easy', 'AP_medium', 'AP_hard'),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_real_labels_give_the_recorded_precision(
    shared_dir, kind, folder, labels, results, skeleton, names
):
    folder = shared_dir / 'data' / folder
    (recorded,) = [v for k, v in read(folder / 'expected.json').items() if k.startswith(results)]
    config = dict(type=kind, data_root=str(folder), ann_file=labels)
    # the recorded evaluations keep all results of the files, in double precision
    samples = list(stored(folder / results))
    scores = score('mAP', config, samples, skeleton, nms_mode='none')
    assert list(scores.values()) == pytest.approx([recorded[name] for name in names], abs=2e-5)


@pytest.mark.parametrize(
    ('network', 'recorded'), [('lightning', 71.7), ('thunder', 77.9), ('thunder_flip', 79.9)]
)
def test_other_networks_have_their_recorded_score_on_lspet(shared_dir, network, recorded):
    data = shared_dir / 'data'
    samples = list(stored(data / 'rivals' / f'lspet_val_movenet_{network}.json'))
    config = dict(
        type='LspDataset', data_root=str(data / 'lspet'), ann_file='annotations/lspet_val.json'
    )
    for name in ('PCK', 'tPCK'):
        scores = score(name, config, samples, 'coco')
        # recorded is the share of all keypoints, ours is the mean over keypoint types
        assert scores['PCK@0.1 limbs'] == pytest.approx(recorded, abs=0.2)


def annotated(data, move):
    """Return samples of all people of ``data`` whose keypoints are moved by ``move(sample)``."""
    for index in range(len(data)):
        info = data.get_data_info(index)
        truth = np.column_stack([info['keypoints'][0], info['keypoints_visible'][0]])
        found = truth.copy()
        found[:, :2] += move(info)
        keys = dict(bbox=info['bbox'][0], raw_ann_info=info['raw_ann_info'])
        yield make_sample(info['id'], info['img_id'], found, truth, **keys)


@pytest.mark.parametrize('ann_file', ['val', 'test_posetrack18_val.json'])
def test_real_labels_of_posetrack_score_100_in_all_columns(shared_dir, ann_file):
    folder = shared_dir / 'data' / 'posetrack18_mini' / 'annotations'
    config = dict(type='PoseTrack18Dataset', data_root=str(folder), ann_file=ann_file)
    data = DATASETS.build(dict(config, test_mode=True))
    scores = score('mAP', config, list(annotated(data, lambda _: 0)), 'posetrack18')
    columns = ('Head', 'Shou', 'Elb', 'Wri', 'Hip', 'Knee', 'Ankl', 'Total')
    assert scores.keys() == {'posetrack18/AP', *(f'posetrack18/{name} AP' for name in columns)}
    assert list(scores.values()) == pytest.approx([100] * 9)


@pytest.fixture
def jhmdb(shared_dir):
    config = dict(
        type='JhmdbDataset',
        data_root=str(shared_dir / 'data' / 'jhmdb_mini'),
        ann_file='test_jhmdb_sub1.json',
    )
    return config, DATASETS.build(dict(config, test_mode=True))


def bbox_side(info):
    left, top, right, bottom = info['bbox'][0]
    return max(right - left, bottom - top)


def torso(info):
    ends = [JHMDB.joint_index(name) for name in ('left_shoulder', 'right_hip')]
    return np.linalg.norm(np.subtract(*info['keypoints'][0][ends]))


@pytest.mark.parametrize(('name', 'size'), [('PCK', bbox_side), ('tPCK', torso)])
def test_real_labels_of_jhmdb_are_scored_at_the_published_distance(jhmdb, name, size):
    config, data = jhmdb
    for share, expected in ((0.199, 1), (0.201, 0)):
        samples = list(annotated(data, lambda info, share=share: (share * size(info), 0)))
        scores = score(name, config, samples, 'jhmdb')
        assert scores[name] == scores[f'Mean {name}'] == scores[f'Ank {name}'] == expected


def test_precision_on_jhmdb_counts_pixels_as_the_samples_do(jhmdb):
    config, data = jhmdb
    rng = np.random.default_rng(0)
    samples = list(annotated(data, lambda _: rng.normal(0, 6, (15, 2))))
    truth = read(Path(config['data_root'], config['ann_file']))
    for annotation in truth['annotations']:
        joints = np.reshape(annotation['keypoints'], (15, 3)) - (1, 1, 0)
        annotation.update(keypoints=joints.ravel().tolist())
    rows = [
        dict(
            image_id=sample['img_id'],
            category_id=1,
            keypoints=np.column_stack(
                [
                    sample['pred_instances']['keypoints'][0],
                    sample['pred_instances']['keypoint_scores'][0],
                ]
            ).ravel(),
            score=1.0,
        )
        for sample in samples
    ]
    expected = evaluate_keypoints(truth, rows, JHMDB.sigmas, use_area=False)
    scores = score('mAP', config, samples, 'jhmdb')
    assert 0.2 < scores['coco/AP'] < 0.8
    assert scores['coco/AP'] == pytest.approx(expected['AP'])
