"""Training of a supernet by several architectures per step."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from registry_cases import CODEC, TINY_MODEL, TINY_VIPNAS, tiny_experiment
from torch import nn
from two_processes import join_gloo, run_ranks

from posenas.engine import PoseRunner, SupernetLoop
from posenas.engine.loops.supernet_loop import average_gradients
from posenas.search.elastic import ElasticBatchNorm2d
from posenas.utils import ConfigError
from posenas.visualization import read_scalars

#: Of the hook that scores architectures.
SCORED = dict(interval=1, num_random=1, num_calibration=3)
SQUARE = dict(CODEC, input_size=(64, 64), heatmap_size=(16, 16))


def replace(value, old, new):
    if isinstance(value, dict):
        return new if value == old else {k: replace(v, old, new) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return new if value == old else type(value)(replace(v, old, new) for v in value)
    return value


def make_runner(
    folder,
    *,
    epochs=1,
    num_paths=4,
    model=None,
    resume=None,
    cfg=None,
    share_statistics=False,
    **optim,
):
    folder.mkdir(exist_ok=True)
    content = tiny_experiment(folder).to_dict()
    content = replace(content, dict(CODEC), SQUARE)
    content = replace(content, CODEC['input_size'], SQUARE['input_size'])
    head = dict(out_channels=17, decoder=SQUARE)
    content['model'] = model or dict(
        TINY_VIPNAS,
        type='ViPNASSupernet',
        head=head,
        share_statistics=share_statistics,
        data_preprocessor=dict(type='PoseDataPreprocessor'),
    )
    content['train_cfg'] = dict(type='SupernetLoop', max_epochs=epochs, num_paths=num_paths)
    content['optim_wrapper'] |= optim
    content['default_hooks'] = dict(checkpoint=dict(type='CheckpointHook', interval=1))
    content |= dict(load_from=resume, resume=resume is not None, work_dir=str(folder))
    content |= cfg or {}
    return PoseRunner.from_cfg(Config(content, format_python_code=False))  # formatting is slow


def start(runner):
    """Build the loop with its loaders, as training does."""
    loop = runner.train_loop
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    return loop, next(iter(loop.dataloader))


def test_paths_depend_on_seed_and_iteration_alone(tmp_path):
    loop, _ = start(make_runner(tmp_path))
    smallest, largest = loop.supernet.space.extremes()
    paths = loop.paths(3)
    assert isinstance(loop, SupernetLoop)
    assert paths[:2] == [largest, smallest]
    assert paths == loop.paths(3) != loop.paths(4)
    assert len(paths) == 4


def test_gradients_are_the_mean_over_the_paths(tmp_path):
    loop, batch = start(make_runner(tmp_path))
    supernet = loop.supernet.double()
    data = supernet.data_preprocessor(batch, True)
    data['inputs'] = data['inputs'].double()
    for sample in data['data_samples']:
        sample.gt_fields.heatmaps = sample.gt_fields.heatmaps.double()
    paths = loop.paths(0)
    loop.backward(data, paths)
    ours = {name: p.grad.clone() for name, p in supernet.named_parameters()}
    assert all(gradient.isfinite().all() for gradient in ours.values())
    supernet.zero_grad()
    targets, weights = supernet.head.targets(data['data_samples'])
    total, teacher = 0, None
    for arch in paths:
        supernet.set_arch(arch)
        maps = supernet(data['inputs'])
        wanted = targets if teacher is None else (targets + teacher) / 2
        total = total + ((maps - wanted) ** 2 * weights[..., None, None]).mean() / 4
        teacher = maps.detach() if teacher is None else teacher
    total.backward()
    for name, parameter in supernet.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-6, atol=1e-12)


def test_a_step_changes_every_parameter_and_ends_with_the_largest_network(tmp_path):
    runner = make_runner(tmp_path)
    torch.manual_seed(0)
    before = {name: p.detach().clone() for name, p in runner.model.named_parameters()}
    runner.train()
    after = dict(runner.model.named_parameters())
    # an offset of all logits changes no softmax
    still = [name for name in after if torch.equal(before[name], after[name])]
    assert not [name for name in still if 'conv_mask.bias' not in name]
    assert runner.model.read_arch() == runner.model.space.extremes()[1]
    logged = runner.message_hub.log_scalars
    assert {'train/largest_loss', 'train/smallest_loss', 'train/random_loss'} <= logged.keys()


def test_a_training_resumes_to_the_same_bits(tmp_path):
    whole = make_runner(tmp_path / 'whole', epochs=2)
    whole.train()
    checkpoint = str(tmp_path / 'whole' / 'epoch_1.pth')
    resumed = make_runner(tmp_path / 'resumed', epochs=2, resume=checkpoint)
    resumed.train()
    state = resumed.model.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in whole.model.state_dict().items())


def test_random_paths_can_be_spread_over_costs(tmp_path):
    cost = dict(type='MacsCost', counter=dict(type='ViPNASCounter'))
    sampler = dict(type='CostBins', cost=cost, input_size=(64, 64), num_bins=4)
    loop = dict(type='SupernetLoop', max_epochs=1, sampler=sampler)
    loop, _ = start(make_runner(tmp_path, cfg=dict(train_cfg=loop)))
    space, bins = loop.supernet.space, loop.sampler
    archs = [arch for i in range(40) for arch in loop.paths(i)[2:]]
    assert all(space.contains(arch) is None for arch in archs)
    macs = [bins.cost(space.to_genotype(arch), bins.context) for arch in archs]
    counts, _ = np.histogram(macs, bins.edges)
    assert counts.sum() == len(archs)
    assert counts.min() > 10
    assert loop.paths(3) == loop.paths(3)


def test_scores_of_architectures_are_recorded_and_the_training_does_not_notice(tmp_path):
    states = []
    for name, hooks in dict(plain=[], scored=[dict(type='SubnetScoresHook', **SCORED)]).items():
        runner = make_runner(tmp_path / name, epochs=2, cfg=dict(custom_hooks=hooks))
        runner.train()
        states.append(runner.model.state_dict())
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    curves = read_scalars(next((tmp_path / 'scored').rglob('scalars.json')))
    for name in ('smallest', 'largest', 'random_0'):
        assert curves[f'{name}/PCK'][0] == [1, 2]
    assert runner.model.read_arch() == runner.model.space.extremes()[1]


def test_the_checkpoint_holds_the_average_of_the_weights(tmp_path):
    hook = dict(type='EMAHook', momentum=0.5, priority='NORMAL')
    runner = make_runner(tmp_path, cfg=dict(custom_hooks=[hook]))
    runner.train()
    saved = torch.load(tmp_path / 'epoch_1.pth')['state_dict']
    key = 'backbone.conv1.weight'
    assert not torch.equal(saved[key], runner.model.state_dict()[key])
    average = runner._hooks[[type(h).__name__ for h in runner._hooks].index('EMAHook')].ema_model
    assert torch.equal(saved[key], average.module.state_dict()[key])


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (dict(num_paths=1), 'at least 2'),
        (dict(model=dict(TINY_MODEL)), 'needs a supernet'),
        (dict(accumulative_counts=2), 'accumulative_counts to 1'),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path, change, text):
    runner = make_runner(tmp_path, **change)
    with pytest.raises(ConfigError, match=text):
        runner.train()


def join(rank, folder):
    join_gloo(rank, folder)
    used, unused = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2))
    used.grad = torch.tensor([1.0, 2.0, 3.0]) * (rank + 1)
    if rank:
        unused.grad = torch.ones(2)
    average_gradients([used, unused])
    torch.save([used.grad, unused.grad], folder / f'{rank}.pth')


def test_ranks_average_gradients_where_some_have_none(tmp_path: Path):
    run_ranks(join, tmp_path)
    for rank in range(2):
        used, unused = torch.load(tmp_path / f'{rank}.pth')
        assert used.tolist() == [1.5, 3.0, 4.5]
        assert unused.tolist() == [0.5, 0.5]


def train_as_rank(rank, folder, port):
    names = dict(
        RANK=rank, WORLD_SIZE=2, LOCAL_RANK=rank, MASTER_ADDR='127.0.0.1', MASTER_PORT=port
    )
    os.environ.update({name: str(value) for name, value in names.items()})
    runner = make_runner(folder, cfg=dict(launcher='pytorch'), share_statistics=True)
    runner.train()
    torch.save(runner.train_loop.supernet.state_dict(), folder / f'rank_{rank}.pth')


def test_two_processes_that_share_statistics_train_the_same_supernet(tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    make_runner(tmp_path)  # writes the images, once
    run_ranks(train_as_rank, tmp_path, port)
    first, second = (torch.load(tmp_path / f'rank_{rank}.pth') for rank in range(2))
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def normalise_as_rank(rank, folder):
    join_gloo(rank, folder)
    norm, x = make_norm(), make_maps()[2 * rank : 2 * rank + 2].requires_grad_()
    norm.is_shared = True
    y = norm(x)
    (y**3).sum().backward()
    average_gradients(norm.parameters())
    found = dict(y=y, x=x.grad, weight=2 * norm.weight.grad, bias=2 * norm.bias.grad)
    torch.save({**found, **dict(norm.named_buffers())}, folder / f'{rank}.pth')


def make_norm():
    norm = ElasticBatchNorm2d(nn.BatchNorm2d(5).double())
    norm.set_active(3)
    return norm


def make_maps():
    return torch.randn(4, 3, 5, 4, dtype=torch.double, generator=torch.Generator().manual_seed(0))


def test_shared_statistics_are_those_of_all_images(tmp_path):
    norm, x = make_norm(), make_maps().requires_grad_()
    y = norm(x)
    (y**3).sum().backward()
    wanted = dict(weight=norm.weight.grad, bias=norm.bias.grad, **dict(norm.named_buffers()))
    run_ranks(normalise_as_rank, tmp_path)
    found = [torch.load(tmp_path / f'{rank}.pth') for rank in range(2)]
    for name, value in dict(y=y, x=x.grad).items():
        torch.testing.assert_close(torch.cat([part[name] for part in found]), value)
    for part in found:
        for name, value in wanted.items():
            torch.testing.assert_close(part[name], value)
