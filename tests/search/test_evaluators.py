"""Scores are functions of architecture, evaluator and seed, whoever computes them."""

import json
import multiprocessing
import os
import socket

import numpy as np
import pytest
import torch
from registry_cases import TINY_MODEL, TINY_VIPNAS, tiny_experiment
from search.toy_space import ToySpace, table
from torch import nn

from posenas.engine import PoseRunner
from posenas.engine.distributed import leave_gloo
from posenas.genotype import load_genotype
from posenas.search import (
    EvaluationError,
    SupernetEvaluator,
    TableEvaluator,
    TrainEvaluator,
    ViPNASSpace,
    read_archive,
    recalibrate,
)
from posenas.search.evaluators import Bench

SPACE = TINY_VIPNAS['space']


def widen(value):
    """Copy a config with square images, whose sides the stride of the networks divides."""
    if isinstance(value, dict):
        return {key: widen(item) for key, item in value.items()}
    if isinstance(value, list):
        return [widen(item) for item in value]
    is_size = isinstance(value, tuple)
    return {(48, 64): (64, 64), (12, 16): (16, 16)}.get(value, value) if is_size else value


def make_supernet_cfg(folder, work_dir, num_waves=2, wave=3, **loop):
    """Search a supernet with random weights."""
    cfg = tiny_experiment(folder).to_dict()
    supernet = dict(type='ViPNASSupernet', **TINY_VIPNAS)
    supernet.setdefault('data_preprocessor', TINY_MODEL['data_preprocessor'])
    counter = dict(type='ViPNASCounter')
    cfg.update(
        model=supernet,
        work_dir=str(work_dir),
        train_cfg=dict(
            type='SearchLoop',
            algorithm=dict(type='EvolutionSearch', num_random=3, objectives=dict(PCK='greater')),
            evaluator=dict(type='SupernetEvaluator'),
            budget=dict(costs=[dict(type='MacsCost', counter=counter)], input_size=(64, 64)),
            wave=wave,
            num_waves=num_waves,
            num_calibration=3,
            **loop,
        ),
    )
    return widen(cfg)


def search(cfg):
    runner = PoseRunner.from_cfg(cfg)
    runner.train()
    return runner


def search_as_rank(cfg, environment):
    os.environ.update(environment)
    torch.set_num_threads(1)
    search(dict(cfg, launcher='pytorch'))
    leave_gloo()


@pytest.fixture(scope='module')
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp('people')
    work_dir = tmp_path_factory.mktemp('search')
    return folder, search(make_supernet_cfg(folder, work_dir)), work_dir


def test_a_supernet_is_searched_to_genotypes_with_their_statistics(searched):
    _, runner, work_dir = searched
    header, records = read_archive(work_dir / 'archive.jsonl')
    assert len(records) == 6
    assert header['evaluator'].startswith('weights ')
    winners = sorted(path.stem for path in (work_dir / 'winners').glob('*.json'))
    best = max(record.scores['PCK'] for record in records)
    assert winners == sorted(r.id for r in records if r.scores['PCK'] == best)
    for id_ in winners:
        arch = runner.model.space.from_genotype(load_genotype(work_dir / 'winners' / f'{id_}.json'))
        stats = torch.load(work_dir / 'winners' / f'{id_}.pth')['bn_stats']
        _, state, genotype = runner.model.extract(arch, stats)
        assert genotype.id == id_
        assert all(value.isfinite().all() for value in state.values())


def test_scores_do_not_depend_on_what_was_evaluated_before(searched):
    _, runner, work_dir = searched
    evaluator = runner.train_loop.evaluator
    records = read_archive(work_dir / 'archive.jsonl')[1]
    for record in reversed(records):
        assert evaluator.evaluate(record.arch, 0, work_dir) == record.scores


def test_an_integer_program_learns_from_what_it_cannot_afford_without_labels(searched, tmp_path):
    folder, runner, _ = searched
    cfg = make_supernet_cfg(folder, tmp_path, num_waves=1, wave=40)
    small, large = runner.model.space.extremes()
    cost = runner.train_loop.algorithm.budget
    macs = [cost.measure(runner.model.space.to_genotype(a))['macs'] for a in (small, large)]
    cfg['train_cfg']['budget']['limits'] = dict(macs=sum(macs) / 2)
    cfg['train_cfg']['algorithm'] = dict(type='IntegerProgram', objectives=dict(distance='less'))
    cfg['train_cfg']['evaluator'] = dict(type='SupernetEvaluator', parent_images=3)
    program = search(cfg).train_loop.algorithm
    _, records = read_archive(tmp_path / 'archive.jsonl')
    parent, solutions = records[0], records[program.num_probes :]
    assert parent.arch == large
    assert parent.scores['distance'] == 0
    assert parent.status == 'beyond'
    assert len(solutions) >= 3
    assert all(r.costs['macs'] <= sum(macs) / 2 and r.scores['distance'] > 0 for r in solutions)
    winners = {path.stem for path in (tmp_path / 'winners').glob('*.json')}
    assert winners <= {record.id for record in records if record.status == 'ok'}


@pytest.mark.slow
def test_other_weights_do_not_continue_the_search(searched):
    folder, _, work_dir = searched
    cfg = make_supernet_cfg(folder, work_dir)
    cfg['randomness'] = dict(seed=1)
    with pytest.raises(ValueError, match='differs in algorithm, evaluator, seed'):
        search(cfg)


@pytest.mark.slow
def test_two_processes_search_a_supernet_as_one_does(searched, tmp_path):
    folder, _, work_dir = searched
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    shared = dict(WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    cfg = make_supernet_cfg(folder, tmp_path)
    ranks = []
    for rank in '01':
        arguments = (cfg, dict(shared, RANK=rank, LOCAL_RANK=rank))
        fork = multiprocessing.get_context('fork')
        ranks.append(fork.Process(target=search_as_rank, args=arguments))
        ranks[-1].start()
    for process in ranks:
        process.join(120)
    assert [process.exitcode for process in ranks] == [0, 0]
    archive = (tmp_path / 'archive.jsonl').read_bytes()
    assert archive == (work_dir / 'archive.jsonl').read_bytes()


def test_recalibration_is_the_plain_average_over_batches():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5))
    model[1].running_mean.fill_(9)
    batches = [torch.randn(5, 3, 4, 4) for _ in range(3)]
    recalibrate(model, batches)
    maps = [model[0](batch).detach() for batch in batches]
    mean = torch.stack([m.mean((0, 2, 3)) for m in maps]).mean(0)
    var = torch.stack([m.var((0, 2, 3)) for m in maps]).mean(0)
    assert torch.allclose(model[1].running_mean, mean, atol=1e-6)
    assert torch.allclose(model[1].running_var, var, atol=1e-6)
    assert model[1].momentum == 0.1
    assert all(module.training for module in model.modules())


def test_a_table_says_what_it_lacks(tmp_path):
    file = tmp_path / 'table.json'
    file.write_text(json.dumps(table()))
    space = ToySpace()
    arch = space.sample(np.random.default_rng(0))
    own, read = TableEvaluator(space, table()), TableEvaluator(space, file)
    assert own.evaluate(arch, 0, tmp_path) == read.evaluate(arch, 0, tmp_path)
    assert own.fingerprint() == read.fingerprint()
    with pytest.raises(EvaluationError, match='add '):
        TableEvaluator(space, {}).evaluate(arch, 0, tmp_path)


def test_the_fingerprint_of_a_supernet_knows_where_its_weights_stand():
    class Named(nn.Module):
        def __init__(self, *names):
            super().__init__()
            for name in names:
                self.register_parameter(name, nn.Parameter(torch.ones(2)))

        def set_arch(self, arch):
            raise NotImplementedError

    def fingerprint(model):
        evaluator = SupernetEvaluator(ToySpace())
        evaluator.start(lambda: Bench(model, [], [], [], 'images'))
        return evaluator.fingerprint()

    assert fingerprint(Named('a', 'b')) == fingerprint(Named('a', 'b'))
    assert fingerprint(Named('a', 'b')) != fingerprint(Named('a', 'c'))


def make_train_evaluator(folder, space, **changes):
    cfg = tiny_experiment(folder).to_dict()
    cfg['model'] = dict(TINY_MODEL, backbone={}, head=TINY_VIPNAS['head'])
    return TrainEvaluator(space, widen(cfg), **changes)


@pytest.mark.slow
def test_candidates_are_trained_in_processes_of_their_own(tmp_path):
    space = ViPNASSpace(**{key: value for key, value in SPACE.items() if key != 'type'})
    arch = space.sample(np.random.default_rng(0))
    evaluator = make_train_evaluator(tmp_path, space, num_seeds=2)
    scores = evaluator.evaluate(arch, 3, tmp_path / 'a')
    assert scores.keys() == {'PCK'}
    runs = sorted((tmp_path / 'a' / 'trials').iterdir())
    assert [run.name[-2:] for run in runs] == ['_3', '_4']
    stored = [json.loads((run / 'scores.json').read_text())['scores']['PCK'] for run in runs]
    assert scores['PCK'] == pytest.approx(np.mean(stored))
    assert not any((run / 'weights').exists() for run in runs)
    (runs[0] / 'scores.json').write_text(
        (runs[0] / 'scores.json').read_text().replace(str(stored[0]), '0.25', 1)
    )
    again = evaluator.evaluate(arch, 3, tmp_path / 'a')  # reads what is stored
    assert again['PCK'] == pytest.approx((0.25 + stored[1]) / 2)


@pytest.mark.slow
def test_a_training_that_diverges_fails_alone(tmp_path):
    space = ViPNASSpace(**{key: value for key, value in SPACE.items() if key != 'type'})
    options = {'optim_wrapper.optimizer.lr': 1e30}
    evaluator = make_train_evaluator(tmp_path, space, cfg_options=options)
    with pytest.raises(EvaluationError, match='finite numbers'):
        evaluator.evaluate(space.extremes()[0], 0, tmp_path)


@pytest.mark.slow
def test_a_training_that_cannot_run_ends_the_search(tmp_path):
    space = ViPNASSpace(**{key: value for key, value in SPACE.items() if key != 'type'})
    options = {'train_dataloader.dataset.ann_file': 'missing.json'}
    evaluator = make_train_evaluator(tmp_path, space, cfg_options=options)
    with pytest.raises(RuntimeError, match='posenas train'):
        evaluator.evaluate(space.extremes()[0], 0, tmp_path)
