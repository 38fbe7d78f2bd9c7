import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from evaluation.metrics.samples import make_sample, recorded_flow

from posenas.evaluation import CocoMetric, PCKAccuracy
from posenas.skeletons import COCO

SCRIPT = Path(__file__).with_name('two_processes.py')


def start(rank, port, golden_dir, cwd):
    paths = [str(SCRIPT.parents[3]), str(SCRIPT.parents[2])]
    environment = os.environ | dict(
        RANK=str(rank),
        WORLD_SIZE='2',
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(port),
        OMP_NUM_THREADS='1',
        PYTHONPATH=os.pathsep.join(paths),
    )
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(golden_dir)],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_score_what_one_does(golden_dir, tmp_path):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    processes = [start(rank, port, golden_dir, tmp_path) for rank in range(2)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    scores = json.loads(outputs[0][0].splitlines()[-1])

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
