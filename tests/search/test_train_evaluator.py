"""Architectures of neural fabrics are trained from scratch, each in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from registry_cases import CODEC, TINY_FABRICS, TINY_VIPNAS_SPACE, tiny_experiment

from posenas.engine import PoseRunner
from posenas.registry import TASK_UTILS
from posenas.search import read_archive
from posenas.utils.config_text import allow_keywords_as_keys


def make_random_search(folder, max_epochs=1, number=2):
    """Write a random search of ``number`` fabrics, each trained with as many seeds."""
    cfg = tiny_experiment(folder)
    parts, fabric = TINY_FABRICS['head']['parts'], TINY_FABRICS['head']['fabric']
    network = dict(
        TINY_FABRICS,
        type='TopdownPoseEstimator',
        data_preprocessor=cfg.model.data_preprocessor,
        head=dict(TINY_FABRICS['head'], decoder=CODEC),
        neck=dict(type='PartReduceNeck', in_channels=[8, 16], fabric=fabric, parts=parts),
    )
    training = dict(cfg.to_dict(), model=network, codec=CODEC)
    training['default_hooks'] = dict(checkpoint=dict(type='CheckpointHook', interval=1))
    training['train_cfg']['max_epochs'] = max_epochs
    backbone = {key: value for key, value in TINY_FABRICS['backbone'].items() if key != 'type'}
    cfg.work_dir = str(folder / 'search')
    cfg.train_cfg = dict(
        type='SearchLoop',
        algorithm=dict(type='RandomSearch', objectives=dict(PCK='greater')),
        evaluator=dict(type='TrainEvaluator', config=training, num_seeds=number),
        space=dict(type='CNFSpace', fabric=fabric, parts=parts, backbone=backbone),
        wave=number,
        num_waves=1,
    )
    return cfg


def test_scores_are_means_over_consecutive_seeds_and_finished_trainings_are_read(tmp_path):
    space = TASK_UTILS.build(TINY_VIPNAS_SPACE)
    network = dict(type='TopdownPoseEstimator', backbone={}, head=dict(out_channels=5))
    config = dict(model=network, val_dataloader={}, val_evaluator={})
    evaluator = TASK_UTILS.build(
        dict(type='TrainEvaluator', config=config, num_seeds=2, space=space)
    )
    arch = space.sample(np.random.default_rng(0))
    for seed, score in ((5, 0.2), (6, 0.8)):
        folder = tmp_path / 'trials' / f'{space.to_genotype(arch).id}_{seed}'
        folder.mkdir(parents=True)
        stored = dict(training=f'{evaluator.fingerprint()}, seed {seed}', scores=dict(PCK=score))
        (folder / 'scores.json').write_text(json.dumps(stored))
    assert evaluator.evaluate(arch, 5, tmp_path) == {'PCK': pytest.approx(0.5)}


@pytest.mark.slow
def test_random_architectures_are_trained_with_several_seeds_and_ranked(tmp_path):
    PoseRunner.from_cfg(make_random_search(tmp_path)).train()
    _, records = read_archive(tmp_path / 'search' / 'archive.jsonl')
    assert len({record.id for record in records}) == 2
    assert all(record.status == 'ok' for record in records)
    assert all('PCK' in record.scores for record in records)
    assert len(list((tmp_path / 'search' / 'trials').glob('*/scores.json'))) == 4
    best = max(record.scores['PCK'] for record in records)
    winners = {path.stem for path in (tmp_path / 'search' / 'winners').glob('*.json')}
    assert winners == {record.id for record in records if record.scores['PCK'] == best}


def find_processes(word):
    """List the ids of other processes that have ``word`` on their command line."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = path.read_bytes().decode(errors='replace')
        except OSError:  # it ended meanwhile
            continue
        if word in words and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != 'linux', reason='only Linux ties processes to each other')
def test_a_training_ends_with_its_search_and_goes_on_with_it_in_the_same_way(tmp_path):
    cfg = make_random_search(tmp_path, max_epochs=40, number=1)
    PoseRunner.from_cfg(cfg).train()
    whole = (tmp_path / 'search' / 'archive.jsonl').read_bytes()

    allow_keywords_as_keys()
    cfg.work_dir = str(tmp_path / 'killed')
    Config(cfg.to_dict()).dump(tmp_path / 'search.py')
    words = [sys.executable, '-m', 'posenas', 'train', str(tmp_path / 'search.py')]
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    search = subprocess.Popen(words, **quiet)
    trials = tmp_path / 'killed' / 'trials'
    while not list(trials.glob('*/weights/last_checkpoint')):
        assert search.poll() is None
        time.sleep(0.05)
    assert find_processes(str(trials))
    os.kill(search.pid, signal.SIGKILL)
    search.wait()
    deadline = time.monotonic() + 60
    while find_processes(str(trials)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not find_processes(str(trials))
    assert not list(trials.glob('*/scores.json'))
    subprocess.run(words, check=True, **quiet)
    assert (tmp_path / 'killed' / 'archive.jsonl').read_bytes() == whole
