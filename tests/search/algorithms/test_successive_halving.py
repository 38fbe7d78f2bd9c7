"""Successive halving: many short trainings, few long ones, each going on where it was."""

from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from engine.loops.test_search_loop import killing_the_second
from mmengine.config import Config
from registry_cases import TINY_VIPNAS_SPACE
from search.test_train_evaluator import make_random_search
from search.toy_run import Killed, SlowTableEvaluator, make_loop, read_files
from search.toy_space import table

from posenas.engine import PoseRunner
from posenas.registry import TASK_UTILS
from posenas.search import TrainEvaluator, read_archive, read_search
from posenas.utils import ConfigError

HALVING = dict(type='SuccessiveHalving', num_candidates=9, eta=3, num_rungs=3)


@TASK_UTILS.register_module(force=True)
class RungEvaluator(SlowTableEvaluator):
    """Knows scores better, the longer the training."""

    num_rungs = 3

    def evaluate_rung(self, arch, seed, work_dir, rung):
        noise = np.random.default_rng(int(self.space.to_genotype(arch).id, 16)).normal()
        scores = self.evaluate(arch, seed, work_dir)
        return dict(AP=scores['AP'] + noise * (2 - rung))


def halve(folder, wave=4, num_waves=6, **evaluator):
    algorithm = dict(HALVING, objectives=dict(AP='greater'))
    kind = dict(type='RungEvaluator')
    return make_loop(folder, table(), num_waves, algorithm, wave=wave, **{**kind, **evaluator})


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp('halving')
    halve(folder).run()
    return folder


def test_the_best_third_of_each_rung_goes_on(whole):
    _, records = read_archive(whole)
    rungs = [[r for r in records if r.rung == rung] for rung in range(3)]
    assert [len(rung) for rung in rungs] == [9, 3, 1]
    for below, above in pairwise(rungs):
        good = [r for r in below if r.status != 'failed']
        best = sorted(good, key=lambda r: -r.scores['AP'])[: len(below) // 3]
        assert [r.id for r in above] == [r.id for r in best]
        assert [r.parents for r in above] == [(r.trial,) for r in best]
    assert {r.status for r in rungs[0]} == {'short', 'failed'}
    (winner,) = rungs[2]
    assert winner.status == 'ok'
    assert [file.stem for file in (whole / 'winners').glob('*.json')] == [winner.id]
    found = read_search(whole)
    assert found.records == (winner,)
    assert found.num_partial + found.num_failed == 12


@pytest.mark.parametrize('wave', [1, 20])
def test_any_kill_and_any_wave_end_with_the_same_records(whole, wave, tmp_path):
    expected = read_files(whole)
    for _ in range(13):
        with suppress(Killed):
            halve(tmp_path, wave, 13, on_evaluate=killing_the_second()).run()
        if len(read_archive(tmp_path)[1]) == 13:
            break
    halve(tmp_path, wave, 13).run()
    found = read_files(tmp_path)
    assert found.keys() == expected.keys()
    without_header = [f['archive.jsonl'].split(b'\n')[1:] for f in (found, expected)]
    assert without_header[0] == without_header[1]


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(num_waves=3), 'must be at least 13, the trials of the algorithm, got 12'),
        (dict(type='SlowTableEvaluator'), 'num_rungs must be the number of evaluator.rungs'),
    ],
)
def test_too_few_trials_or_other_rungs_are_refused(changes, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        halve(tmp_path, **changes)


@pytest.mark.parametrize('rungs', [[], [1], [2, 1, 3], [1, 2]])
def test_rungs_ascend_to_the_whole_training(rungs):
    cfg = Config(dict(train_cfg=dict(max_epochs=3)))
    with pytest.raises(ConfigError, match=r'rungs must ascend to train_cfg.max_epochs.*, 3, got'):
        TrainEvaluator(dict(TINY_VIPNAS_SPACE), cfg.to_dict(), rungs=rungs)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_in_rungs_ends_as_one_that_goes_through(tmp_path):
    cfg = make_random_search(tmp_path, max_epochs=2, number=1)
    cfg.train_cfg.algorithm = dict(HALVING, num_candidates=2, eta=2, num_rungs=2)
    cfg.train_cfg.algorithm.objectives = dict(PCK='greater')
    cfg.train_cfg.evaluator.update(rungs=[1, 2], keep_checkpoints=True)
    cfg.train_cfg.num_waves = 3
    PoseRunner.from_cfg(cfg).train()
    _, records = read_archive(tmp_path / 'search')
    assert [(r.rung, r.status) for r in records] == [(0, 'short'), (0, 'short'), (1, 'ok')]
    through = dict(cfg.train_cfg.evaluator, rungs=None, space=cfg.train_cfg.space)
    evaluator = TASK_UTILS.build(through)
    last = records[-1]
    assert evaluator.evaluate(last.arch, 0, tmp_path / 'through') == last.scores
    paths = [tmp_path / name / f'trials/{last.id}_0/weights' for name in ('search', 'through')]
    one, two = (torch.load(path / 'epoch_2.pth', weights_only=True)['state_dict'] for path in paths)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    evaluator.keep_checkpoints, evaluator.rungs = False, (1, 2)
    evaluator.finish(tmp_path / 'search')
    assert not list(Path(tmp_path, 'search', 'trials').glob('*/weights'))
