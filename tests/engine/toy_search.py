"""A planted search problem, small enough to be solved dozens of times.

Every edge has a target of its own, made by one of the candidates with fixed taps; none of the
other candidates can make it. All maps have unit variance per channel, so no weight can make up for
a small share in the mix: the loss is lowest where the planted candidate has all of it.
"""

import gc
import multiprocessing
import os
import socket
from pathlib import Path

import numpy as np
import torch
from engine.toy_training import make_cfg, train, weights
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset

from posenas.engine.distributed import leave_gloo
from posenas.search import Supernet
from posenas.search.space import Arch, Choice, SearchSpace

CHANNELS = 4
#: Candidate -> kernel and dilation of a depthwise convolution; 'abs' has none.
KERNELS = {'row': ((1, 3), 1), 'column': ((3, 1), 1), 'wide': ((1, 3), 2), 'abs': None}
#: Candidates for a target without neighbours: each can make it, one of them at a ninth of the cost.
SIZES = {'conv_1x1': ((1, 1), 1), 'conv_3x3': ((3, 3), 1)}
PLANTED = ('row', 'wide', 'abs', 'column', 'abs', 'row', 'wide')


@DATASETS.register_module(force=True)
class NoiseMaps(Dataset):
    """Maps of noise drawn from (seed, index)."""

    def __init__(self, length=64, seed=0):
        self.metainfo = dict(dataset_name='noise')
        self.length, self.own_seed, self.seed = length, seed, 0

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        rng = np.random.default_rng([self.own_seed, self.seed, int(index)])
        return dict(inputs=torch.from_numpy(rng.normal(size=(CHANNELS, 8, 8)).astype(np.float32)))


class Absolute(nn.Module):
    def forward(self, x):
        return x.abs()


def make_candidate(spec):
    if spec is None:
        conv = Absolute()
    else:
        kernel, dilation = spec
        padding = tuple(dilation * (size // 2) for size in kernel)
        options = dict(padding=padding, dilation=dilation, groups=CHANNELS, bias=False)
        conv = nn.Conv2d(CHANNELS, CHANNELS, kernel, **options)
    return nn.Sequential(conv, nn.BatchNorm2d(CHANNELS, affine=False))


class PlantedSpace(SearchSpace):
    """One candidate for each edge."""

    def __init__(self, candidates):
        self.candidates = candidates

    @property
    def decisions(self):
        return tuple(Choice(f'edge{i}', tuple(c)) for i, c in enumerate(self.candidates))

    def to_genotype(self, arch):
        raise NotImplementedError

    def from_genotype(self, genotype):
        raise NotImplementedError


@MODELS.register_module(force=True)
class PlantedSupernet(Supernet, BaseModel):
    """Edges that mix candidates, each with its planted target; no pose anywhere."""

    def __init__(self, with_sizes=False):
        super().__init__()
        kinds = [KERNELS] * len(PLANTED) + [SIZES] * with_sizes
        self.space = PlantedSpace(kinds)
        self.edges = nn.ModuleList(
            nn.ModuleList(make_candidate(spec) for spec in kind.values()) for kind in kinds
        )
        self.alphas = nn.ParameterList(torch.zeros(len(kind)) for kind in kinds)
        names = (*PLANTED, *['conv_1x1'] * with_sizes)
        self.teachers = nn.ModuleList(
            make_candidate(kind[name]) for kind, name in zip(kinds, names, strict=True)
        )
        for teacher in self.teachers.requires_grad_(False):
            for weight in teacher.parameters():
                taps = weight.shape[-1] * weight.shape[-2]
                weight.copy_(torch.tensor([1.0, 0.3, -1.0][-taps:]).view_as(weight[:1]))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x = torch.stack(inputs) if isinstance(inputs, list) else inputs
        loss = 0
        parts = zip(self.edges, self.arch_weights().values(), self.teachers, strict=True)
        for candidates, shares, teacher in parts:
            mixed = sum(w * op(x) for w, op in zip(shares, candidates, strict=True))
            loss = loss + functional.mse_loss(mixed, teacher(x))
        return dict(loss_kpt=loss / len(self.edges))

    @torch.no_grad()
    def set_arch(self, arch):
        for decision, alpha in zip(self.space.decisions, self.alphas, strict=True):
            alpha.zero_()[decision.options.index(arch[decision.name])] = 5

    def arch_parameters(self):
        return {f'alphas.{i}': alpha for i, alpha in enumerate(self.alphas)}

    def read_arch(self):
        pairs = zip(self.space.decisions, self.alphas, strict=True)
        return Arch({d.name: d.options[int(alpha.argmax())] for d, alpha in pairs})

    def expected_macs(self, input_size):
        taps = [sum(p.shape[-1] * p.shape[-2] for p in op.parameters()) for op in self.edges[-1]]
        return (self.arch_weights()[f'alphas.{len(self.edges) - 1}'] * torch.tensor(taps)).sum()

    def extract(self, arch, bn_stats=None):
        raise NotImplementedError

    @torch.no_grad()
    def margins(self):
        """By how much the planted candidate's share exceeds the next one's, for every edge."""
        margins = []
        for decision, shares in zip(
            self.space.decisions, self.arch_weights().values(), strict=True
        ):
            i = int(decision.name.removeprefix('edge'))
            planted = PLANTED[i] if i < len(PLANTED) else 'conv_1x1'
            others = [w for o, w in zip(decision.options, shares, strict=True) if o != planted]
            margins.append(float(shares[decision.options.index(planted)] - max(others)))
        return margins


def make_search_cfg(work_dir, strategy, *, seed=0, epochs=6, arch=None, model=None, **loop):
    """Config of a search on the planted problem; ``loop`` are arguments of the loop."""
    if strategy in ('first_order', 'second_order'):
        loop = dict(arch_dataloader=dict(dataset=dict(type='NoiseMaps', seed=1)), **loop)
    own = dict(optimizer=dict(type='Adam', lr=0.05))
    arch = arch or {'none': None, 'random': None, 'sync': 'weights'}.get(strategy, own)
    cfg = make_cfg(work_dir, seed=seed, batch=8, validate=False, interval=1000)
    cfg.model = dict(type='PlantedSupernet', **(model or {}))
    cfg.train_dataloader.dataset = dict(type='NoiseMaps', _delete_=True)
    cfg.train_dataloader.dataset.pop('_delete_')
    cfg.train_cfg = dict(type='ArchSearchLoop', max_epochs=epochs, strategy=strategy, **loop)
    cfg.optim_wrapper = dict(
        constructor='ArchOptimWrapperConstructor',
        optimizer=dict(type='Adam', lr=0.05),
        arch=arch,
    )
    return Config(cfg.to_dict(), format_python_code=False)  # formatting is slow


def fork_search(work_dir, strategy, **options):
    """Search in two processes over gloo; return the weights of both."""
    gc.collect()  # a copy of earlier data loaders must not end their workers
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    shared = dict(WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    context = multiprocessing.get_context('fork')
    work_dir.mkdir(parents=True)
    ranks = []
    for rank in '01':
        environment = dict(shared, RANK=rank, LOCAL_RANK=rank)
        arguments = (work_dir, strategy, options, environment)
        ranks.append(context.Process(target=_search_as_rank, args=arguments))
        ranks[-1].start()
    for process in ranks:
        process.join(120)
    assert [process.exitcode for process in ranks] == [0, 0]
    return [torch.load(work_dir / f'rank_{rank}.pth') for rank in '01']


def _search_as_rank(work_dir, strategy, options, environment):
    os.environ.update(environment)
    torch.set_num_threads(1)
    cfg = make_search_cfg(work_dir, strategy, **options)
    cfg.launcher = 'pytorch'
    runner = train(cfg)
    state = {name.replace('module.', ''): value for name, value in weights(runner).items()}
    torch.save(state, Path(work_dir, f'rank_{environment["RANK"]}.pth'))
    leave_gloo()
