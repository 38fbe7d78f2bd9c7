"""Searches of PoseNAS cells from start to end: repeatable, resumable, and right where one is."""

import json
import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from registry_cases import TINY_SUPERNET, tiny_experiment
from tiny_data import write_people
from torch import nn
from torch.nn.functional import avg_pool2d

from posenas.engine import PoseRunner
from posenas.genotype import load_genotype
from posenas.search import PoseNASSpace
from posenas.search.posenas.cells import SearchCell
from posenas.search.posenas.space import CellGroup
from posenas.search.relaxation import Mix, softmax_weights

CODEC = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2)
OPERATIONS = ('none', 'skip_connect', 'std_conv_1x1', 'std_conv_3x3')
#: A rate at which two epochs change the architecture.
ARCH = dict(optimizer=dict(type='AdamW', lr=0.05, betas=(0.5, 0.999), weight_decay=1e-4))


def make_cfg(folder, *, epochs=2, relax='softmax', strategy='first_order', seed=0):
    """Search with 20 pictures, ten of them for the architecture."""
    cost_weight = 0.1 if relax == 'softmax' else 0.0
    cfg = tiny_experiment(folder).to_dict()
    annotations = write_people(folder, num_images=20)
    read = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='TopdownAffine', input_size=CODEC['input_size']),
        dict(type='GenerateTarget', encoder=CODEC),
        dict(type='PackPoseInputs'),
    ]
    cfg['train_dataloader']['dataset'].update(ann_file=str(annotations), pipeline=read)
    cfg['train_dataloader'].update(batch_size=5, drop_last=True)
    for part in ('val', 'test'):
        for kind in ('cfg', 'dataloader', 'evaluator'):
            cfg.pop(f'{part}_{kind}')
    supernet = dict(TINY_SUPERNET, type='PoseNASSupernet')
    few = dict(encoder_ops=OPERATIONS, decoder_ops=(*OPERATIONS, 'se_connect'))
    supernet['backbone'] = dict(supernet['backbone'], relax=relax, **few)
    supernet['data_preprocessor'] = dict(type='PoseDataPreprocessor')
    cfg.update(
        work_dir=str(folder / f'work_{relax}_{seed}'),
        model=supernet,
        randomness=dict(seed=seed),
        train_cfg=dict(
            type='ArchSearchLoop',
            max_epochs=epochs,
            strategy=strategy,
            arch_ratio=0.5,
            unroll='precond',
            arch_objective=dict(
                normalise=True, cost_weight=cost_weight, target_macs=1e6, input_size=(64, 64)
            ),
        ),
        optim_wrapper=dict(
            constructor='ArchOptimWrapperConstructor',
            optimizer=dict(type='Adam', lr=1e-3),
            clip_grad=dict(max_norm=5),
            arch=ARCH,
        ),
        custom_hooks=[
            dict(type='SkipDropoutHook'),
            dict(
                type='CollapseGuardHook',
                eigenvalue=relax == 'softmax',
                num_iterations=2,
                picture=epochs == 1,
            ),
        ],
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)),
    )
    return Config(cfg)


def search(cfg):
    """Run a search and return its alphas, the genotype at its start and the result."""
    runner = PoseRunner.from_cfg(cfg)
    supernet = runner.model
    start = supernet.space.to_genotype(supernet.read_arch())
    runner.train()
    alphas = {name: p.detach() for name, p in supernet.arch_parameters().items()}
    return alphas, start, load_genotype(Path(cfg.work_dir, 'genotype.json'))


class KillHook(Hook):
    """End the process at once, inside an epoch."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if (runner.epoch, batch_idx) == (1, 1):
            os.kill(os.getpid(), signal.SIGKILL)


def search_and_die(cfg):
    runner = PoseRunner.from_cfg(cfg)
    runner.register_hook(KillHook())
    runner.train()


@pytest.mark.parametrize('relax', [pytest.param('softmax', marks=pytest.mark.slow), 'gumbel'])
def test_a_search_killed_inside_an_epoch_resumes_to_the_same_bits(tmp_path, relax):
    whole = make_cfg(tmp_path, relax=relax)
    alphas, start, genotype = search(whole)
    part = make_cfg(tmp_path, relax=relax)
    part.work_dir += '_again'
    killed = multiprocessing.get_context('fork').Process(target=search_and_die, args=(part,))
    killed.start()
    killed.join(120)
    assert killed.exitcode == -signal.SIGKILL
    assert not Path(part.work_dir, 'epoch_2.pth').exists()
    part.resume = True
    resumed, _, same_genotype = search(part)
    torch.testing.assert_close(resumed, alphas, rtol=0, atol=0)
    assert genotype.id == same_genotype.id
    histories = [json.loads(Path(c.work_dir, 'collapse.json').read_text()) for c in (whole, part)]
    assert histories[0] == histories[1]
    assert len(histories[0]['history']) == 2
    assert genotype.id != start.id
    assert genotype.provenance['seed'] == 0


@pytest.mark.slow
@pytest.mark.parametrize('strategy', ['first_order', 'second_order'])
def test_steps_of_the_architecture_leave_statistics_and_weights_alone(tmp_path, strategy):
    cfg = make_cfg(tmp_path, strategy=strategy, seed=1)
    runner = PoseRunner.from_cfg(cfg)
    runner.train()
    supernet, loop = runner.model.train(), runner.train_loop
    kept = {name: value.clone() for name, value in supernet.state_dict().items()}
    batch = next(iter(loop.dataloader))
    loop._iter, loop._epoch = 0, 0
    loop._step_arch(batch)
    moved = {n for n, v in supernet.state_dict().items() if not torch.equal(v, kept[n])}
    assert moved
    assert all('.arch.' in name for name in moved)
    weights = {id(p) for g in runner.optim_wrapper['weights'].param_groups for p in g['params']}
    assert not weights & {id(p) for p in supernet.arch_parameters().values()}


@pytest.mark.parametrize('kind', ['normal', 'reduce'])
def test_an_auxiliary_skip_adds_the_input_of_each_edge(kind):
    group = CellGroup(f'encoder.{kind}', kind, ('none', 'std_conv_3x3'))
    graph = replace(group.graph, output=(2,))  # the first node, which reads both inputs
    settings = (dict(type='BN', affine=False), None, {kind: group})
    cell = SearchCell(graph, 4, nn.Identity(), nn.Identity(), *settings)
    columns, nothing = ((1,),) * len(group.edges), torch.zeros(len(group.edges), 2)
    first, second = torch.rand(2, 1, 4, 8, 8)
    out = cell(first, second, Mix(columns, nothing, skip=0.25))
    wanted = 0.25 * (first + second)
    torch.testing.assert_close(out, wanted if kind == 'normal' else avg_pool2d(wanted, 2))
    assert not cell(first, second, Mix(columns, nothing)).any()


@pytest.mark.slow
def test_a_search_ends_with_what_its_supernet_misses(tmp_path):
    cfg = make_cfg(tmp_path, epochs=1)
    cfg.custom_hooks.append(dict(type='AuxiliarySkipHook'))
    cfg.custom_hooks.append(dict(type='PerturbationHook', tune_iters=1, lr=1e-4))
    _, _, genotype = search(cfg)
    assert genotype.provenance['selection'] == 'perturbation'
    assert Path(cfg.work_dir, 'search.png').stat().st_size > 0
    argmax = json.loads(Path(cfg.work_dir, 'collapse.json').read_text())['history'][-1]['arch']
    space = PoseNASSpace(OPERATIONS, (*OPERATIONS, 'se_connect'))
    assert dict(space.from_genotype(genotype)) != argmax
    again = make_cfg(tmp_path, epochs=1)
    again.custom_hooks = cfg.custom_hooks
    again.work_dir += '_again'
    again.resume, again.load_from = True, str(Path(cfg.work_dir, 'epoch_1.pth'))
    assert search(again)[2].id == genotype.id


def test_the_only_operation_that_fits_wins():
    """Targets are means of neighbours, which no 1x1 convolution can make."""
    torch.manual_seed(0)
    group = CellGroup('encoder.normal', 'normal', ('none', 'std_conv_1x1', 'std_conv_3x3'))
    graph = replace(group.graph, output=(2,))  # the first node alone
    cell = SearchCell(
        graph, 4, nn.Identity(), nn.Identity(), dict(type='BN', affine=False), None,
        dict(normal=group),
    )  # fmt: skip
    alpha = nn.Parameter(1e-3 * torch.randn(len(group.edges), 3))
    weights = torch.optim.Adam(cell.parameters(), lr=0.02)
    arch = torch.optim.Adam([alpha], lr=0.05, betas=(0.5, 0.999))
    legal, columns = torch.ones_like(alpha, dtype=torch.bool), ((1, 2),) * len(group.edges)
    for _ in range(60):
        x = torch.rand(8, 4, 8, 8)
        target = nn.functional.avg_pool2d(x, 3, 1, 1)
        target = (target - target.mean((0, 2, 3), keepdim=True)) / target.std()
        mixed = cell(x, x, Mix(columns, softmax_weights(alpha, legal)))
        loss = (mixed - target).square().mean()
        weights.zero_grad()
        arch.zero_grad()
        loss.backward()
        weights.step()
        arch.step()
    first_node = softmax_weights(alpha, legal)[:2].detach()
    assert (first_node[:, 2] > first_node[:, 1] + 0.05).all()
    assert PoseNASSpace(group.operations).count() > 1
