import copy
import json
from pathlib import Path

import numpy as np
import pytest
from evaluation.metrics.samples import make_sample, recorded_flow

from posenas.evaluation import CocoMetric
from posenas.registry import METRICS
from posenas.skeletons import COCO, get_skeleton
from posenas.utils import ConfigError, DataError

NMS_MODES = {'hard': 'oks_nms', 'soft': 'soft_oks_nms'}
RECORDED_KEYS = {'coco/AP .5': 'Ap .5'}


@pytest.fixture(scope='module')
def flow(golden_dir):
    return recorded_flow(golden_dir)


@pytest.fixture(scope='module')
def ann_file(golden_dir):
    return str(golden_dir / 'coco_eval' / 'gt.json')


def build(ann_file=None, **kwargs):
    metric = CocoMetric(ann_file, **kwargs)
    metric.dataset_meta = COCO.metainfo()
    return metric


def evaluate(metric, samples, size=None):
    metric.process(None, samples)
    return metric.evaluate(len(samples) if size is None else size)


@pytest.mark.parametrize(
    'name', ['hard_nms_0.9_vis_0.2', 'hard_nms_0.7_vis_0.3', 'soft_nms_0.9_vis_0.2']
)
def test_recorded_flow_is_reproduced(flow, ann_file, name):
    cases, samples = flow
    mode, _, nms_thr, _, score_thr = name.split('_')
    metric = build(
        ann_file,
        nms_mode=NMS_MODES[mode],
        nms_thr=float(nms_thr),
        keypoint_score_thr=float(score_thr),
    )
    metric.process(None, samples)
    rows = metric.results_of_images(metric.results)
    kept = cases[name]['kept']
    assert [row['keypoints'] for row in rows] == [
        np.column_stack(
            [
                samples[i]['pred_instances']['keypoints'][0],
                samples[i]['pred_instances']['keypoint_scores'][0],
            ]
        )
        .ravel()
        .tolist()
        for i in kept
    ]
    np.testing.assert_allclose([row['score'] for row in rows], cases[name]['score'], atol=1e-6)
    scores = metric.evaluate(len(samples))
    for key, value in scores.items():
        assert type(value) is float
        recorded = cases[name]['stats'][RECORDED_KEYS.get(key, key.removeprefix('coco/'))]
        assert value == pytest.approx(recorded, abs=1e-6)
    assert len(scores) == 10


def test_repeated_samples_count_once(flow, ann_file):
    cases, samples = flow
    scores = evaluate(build(ann_file), [*samples, *samples[:37]], len(samples) + 37)
    assert scores['coco/AP'] == pytest.approx(cases['hard_nms_0.9_vis_0.2']['stats']['AP'])
    assert scores['coco/excluded'] == 37


def test_unreadable_images_leave_the_score_of_the_others(flow, ann_file, tmp_path):
    _, samples = flow
    bad = sorted({sample['img_id'] for sample in samples})[:25]
    marked = [
        dict(sample, bad_sample='broken') if sample['img_id'] in bad else sample
        for sample in samples
    ]
    clean = [sample for sample in samples if sample['img_id'] not in bad]
    with open(ann_file) as file:
        truth = json.load(file)
    truth['images'] = [image for image in truth['images'] if image['id'] not in bad]
    truth['annotations'] = [a for a in truth['annotations'] if a['image_id'] not in bad]
    (tmp_path / 'clean.json').write_text(json.dumps(truth))
    scores = evaluate(build(ann_file), marked)
    assert scores.pop('coco/excluded') == len(samples) - len(clean)
    assert scores == evaluate(build(tmp_path / 'clean.json'), clean)


def annotated_samples(crowd_index=None):
    rng = np.random.default_rng(3)
    samples = []
    for index in range(6):
        joints = np.column_stack([rng.uniform(0, 200, (17, 2)), np.full(17, 2)])
        annotation = dict(
            id=index,
            image_id=index // 2,
            category_id=1,
            bbox=[0, 0, 200, 200],
            area=20000,
            iscrowd=0,
            keypoints=joints.ravel().tolist(),
        )
        meta = {} if crowd_index is None else dict(crowd_index=crowd_index)
        samples.append(
            make_sample(
                index,
                index // 2,
                joints,
                score=0.9,
                raw_ann_info=annotation,
                ori_shape=(9, 9),
                **meta,
            )
        )
    return samples


def test_annotations_of_the_samples_serve_without_a_file():
    scores = evaluate(build(), annotated_samples())
    assert scores['coco/AP'] == scores['coco/AR'] == 1
    assert scores['coco/AP (M)'] == -1


def test_crowd_statistics_have_the_names_of_crowdpose():
    metric = build(iou_type='keypoints_crowd', use_area=False, prefix='crowdpose')
    scores = evaluate(metric, annotated_samples(crowd_index=0.1))
    assert scores['crowdpose/AP'] == scores['crowdpose/AP(E)'] == 1
    assert np.isnan(scores['crowdpose/AP(H)'])


def test_result_file_holds_what_is_scored(flow, ann_file, tmp_path):
    _, samples = flow
    metric = build(ann_file, outfile_prefix=str(tmp_path / 'new' / 'results'))
    evaluate(metric, samples[:50])
    rows = json.loads((tmp_path / 'new' / 'results.keypoints.json').read_text())
    assert rows
    assert set(rows[0]) == {'image_id', 'category_id', 'keypoints', 'score'}
    assert len(rows[0]['keypoints']) == 51


def test_format_only_writes_and_scores_nothing(flow, tmp_path):
    _, samples = flow
    prefix = str(tmp_path / 'results')
    assert evaluate(build(format_only=True, outfile_prefix=prefix), samples[:50]) == {}
    assert (tmp_path / 'results.keypoints.json').is_file()
    with pytest.raises(ConfigError, match='format_only needs outfile_prefix'):
        build(format_only=True)


def test_no_suppression_keeps_every_row(flow, ann_file):
    _, samples = flow
    metric = build(ann_file, nms_mode='none')
    metric.process(None, samples)
    assert len(metric.results_of_images(metric.results)) == len(samples)


def test_converters_move_joints_to_the_skeleton_of_the_ground_truth():
    samples = annotated_samples()
    swapped = dict(
        type='KeypointConverter', num_keypoints=17, mapping=[(i, 16 - i) for i in range(17)]
    )
    plain = evaluate(build(), samples)
    assert evaluate(build(pred_converter=swapped), samples)['coco/AP'] < 0.5
    assert evaluate(build(pred_converter=swapped, gt_converter=swapped), samples) == plain


def test_prediction_that_is_not_finite_is_refused_by_sample(flow, ann_file):
    sample = copy.deepcopy(flow[1][5])
    sample['pred_instances']['keypoints'][0, 3, 0] = np.nan
    with pytest.raises(DataError, match=rf'sample 5 \(image {sample["img_id"]}\) must be finite'):
        build(ann_file).process(None, [sample])


def test_labels_without_areas_are_refused_when_built_unless_none_are_used(tmp_path, ann_file):
    truth = json.loads(Path(ann_file).read_text())
    for annotation in truth['annotations']:
        annotation.pop('area')
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps(truth))
    with pytest.raises(DataError, match=r'must have an area for OKS, .*use_area=False'):
        CocoMetric(path)
    assert CocoMetric(path, use_area=False).ground_truth['annotations']


@pytest.mark.parametrize('name', ['labels.json', 'labels.txt'])
@pytest.mark.parametrize('content', [None, '', '{"images": []}', '[1, 2]'])
def test_unusable_annotation_file_is_refused_when_built(tmp_path, content, name):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=r'labels\.\w+ must be a'):
        CocoMetric(path)


@pytest.mark.parametrize(
    'wrong',
    [
        dict(iou_type='bbox'),
        dict(score_mode='joints'),
        dict(nms_mode='box_nms'),
        dict(backend='pycocotools'),
    ],
)
def test_unknown_choice_is_refused(wrong):
    with pytest.raises(ValueError, match='must be one of'):
        CocoMetric(**wrong)


def test_whole_bodies_get_a_score_for_each_part(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.column_stack([rng.uniform(0, 200, (133, 2)), np.full(133, 2.0)])
    found = truth.copy()
    found[91:112, 0] += 50  # the left hand alone is missed
    sizes = dict(keypoints=17, foot_kpts=6, face_kpts=68, lefthand_kpts=21, righthand_kpts=21)
    parts = np.split(truth, np.cumsum([*sizes.values()])[:-1])
    lists = {key: part.ravel().tolist() for key, part in zip(sizes, parts, strict=True)}
    person = dict(id=1, image_id=1, category_id=1, bbox=[0, 0, 200, 200], area=20000, iscrowd=0)
    file = tmp_path / 'whole.json'
    categories = [dict(id=1, name='person', keypoints=list(COCO.joint_names))]
    content = dict(images=[dict(id=1, file_name='1.jpg', width=200, height=200)])
    content.update(annotations=[person | lists], categories=categories)
    file.write_text(json.dumps(content))
    metric = METRICS.build(dict(type='CocoWholeBodyMetric', ann_file=str(file)))
    metric.dataset_meta = get_skeleton('coco_wholebody').metainfo()
    scores = evaluate(metric, [make_sample(1, 1, found)])
    wanted = dict(body=1, foot=1, face=1, lefthand=0, righthand=1)
    assert {part: round(scores[f'coco-wholebody/{part} AP'], 3) for part in wanted} == wanted
    assert 0 < scores['coco-wholebody/AP'] < 1
