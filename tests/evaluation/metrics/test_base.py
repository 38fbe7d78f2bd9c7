import json

import pytest
from evaluation.metrics.samples import make_sample, recorded_flow
from torch.utils.data import DistributedSampler
from two_processes import join_gloo, run_ranks

from posenas.evaluation import CocoMetric, PCKAccuracy
from posenas.skeletons import COCO


def score_as_rank(rank, folder, golden_dir):
    join_gloo(rank, folder)
    _, samples = recorded_flow(golden_dir)
    size = len(samples) - 3  # odd, so that the sampler repeats one
    metric = CocoMetric(golden_dir / 'coco_eval' / 'gt.json')
    metric.dataset_meta = COCO.metainfo()
    for index in DistributedSampler(range(size), shuffle=False):
        marker = {'bad_sample': 'broken'} if index in (4, 7) else {}
        metric.process(None, [samples[index] | marker])
    scores = metric.evaluate(size)
    (folder / f'{rank}.json').write_text(json.dumps(scores))


def test_two_processes_score_what_one_does(golden_dir, tmp_path):
    run_ranks(score_as_rank, tmp_path, golden_dir)
    scores = json.loads((tmp_path / '0.json').read_text())

    _, samples = recorded_flow(golden_dir)
    samples = samples[:-3]
    for index in (4, 7):
        samples[index]['bad_sample'] = 'broken'
    metric = CocoMetric(golden_dir / 'coco_eval' / 'gt.json')
    metric.dataset_meta = COCO.metainfo()
    metric.process(None, samples)
    assert len(samples) % 2 == 1
    assert scores == pytest.approx(metric.evaluate(len(samples)), abs=1e-6)
    bad = {samples[4]['img_id'], samples[7]['img_id']}
    assert scores['coco/excluded'] == sum(sample['img_id'] in bad for sample in samples)


def test_samples_that_never_arrive_are_counted_beside_the_score():
    metric = PCKAccuracy()
    metric.dataset_meta = COCO.metainfo()
    metric.process(None, [make_sample(0, 0, [[1, 1, 1]] * 17)])
    scores = metric.evaluate(3)
    assert scores == {'PCK': 1.0, 'excluded': 2.0}


def test_scores_of_one_process_need_no_size():
    metric = PCKAccuracy()
    metric.dataset_meta = COCO.metainfo()
    metric.process(None, [make_sample(0, 0, [[1, 1, 1]] * 17)])
    assert metric.compute_metrics(metric.results) == {'PCK': 1.0}


def test_nothing_is_added_to_scores_of_complete_data():
    metric = PCKAccuracy(prefix='val')
    metric.dataset_meta = COCO.metainfo()
    metric.process(None, [make_sample(i, 0, [[1, 1, 1]] * 17) for i in range(3)])
    assert metric.evaluate(3) == {'val/PCK': 1.0}
