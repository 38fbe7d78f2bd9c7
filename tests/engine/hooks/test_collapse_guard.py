"""Searches end when a rule says so, with the architecture that it names."""

import json
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub

from posenas.engine.hooks import CollapseGuardHook
from posenas.genotype import load_genotype
from posenas.search import PoseNASSpace

SPACE = PoseNASSpace()
LARGE = SPACE.extremes()[1]
ENDS = [f'encoder.normal.{node}.{end}' for node in range(2, 6) for end in ('first', 'second')]


class Planted:
    """A supernet whose normal cell has one more identity in every epoch."""

    space, candidates = SPACE, {}

    def __init__(self):
        self.count = -1

    def read_arch(self):
        self.count += 1
        return LARGE | dict.fromkeys(ENDS[: self.count], 'skip_connect')

    def arch_weights(self):
        return {'backbone.arch.alpha.normal': torch.full((2, 4), 0.25)}


@pytest.fixture
def runner(tmp_path):
    loop = SimpleNamespace(arch_begin_epoch=2, supernet=Planted(), stop_training=False)
    return SimpleNamespace(
        train_loop=loop,
        epoch=0,
        rank=0,
        seed=7,
        work_dir=str(tmp_path),
        experiment_name='planted',
        logger=logging.getLogger('planted'),
        message_hub=MessageHub.get_instance(f'planted{tmp_path.name}'),
    )


def search(runner, hook, num_epochs=6):
    """Train; returns the epochs that were done."""
    hook.before_train(runner)
    for runner.epoch in range(num_epochs):
        if runner.train_loop.stop_training:
            return runner.epoch
        hook.after_train_epoch(runner)
    return num_epochs


def make_hook(**options):
    return CollapseGuardHook([dict(type='SkipRule')], picture=False, **options)


def test_a_collapsing_search_stops_with_the_last_good_architecture(runner, tmp_path):
    assert search(runner, make_hook()) == 5  # two of warm-up, then none, one and two identities
    genotype = load_genotype(tmp_path / 'genotype.json')
    assert SPACE.from_genotype(genotype) == LARGE | {ENDS[0]: 'skip_connect'}
    assert genotype.provenance['epoch'] == 4
    assert 'would keep 2 skip connections' in genotype.provenance['stop_reason']
    assert genotype.provenance['seed'] == 7
    state = json.loads((tmp_path / 'collapse.json').read_text())
    assert [one['epoch'] for one in state['history']] == [3, 4, 5]


def test_a_stopped_search_stays_stopped_when_it_is_resumed(runner):
    search(runner, make_hook())
    runner.train_loop.stop_training = False
    make_hook().before_train(runner)
    assert runner.train_loop.stop_training


def test_a_stop_can_be_noted_only(runner, tmp_path):
    assert search(runner, make_hook(stop=False)) == 6
    state = json.loads((tmp_path / 'collapse.json').read_text())
    assert len(state['history']) == 4
    assert state['stop']['epoch'] == 4
    assert load_genotype(tmp_path / 'genotype.json').provenance['epoch'] == 4


def test_what_was_observed_is_drawn_after_each_epoch(runner, tmp_path):
    hook = CollapseGuardHook()
    hook.before_train(runner)
    runner.epoch = 2
    hook.after_train_epoch(runner)
    assert (tmp_path / 'search.png').stat().st_size > 0
