"""Small fabrics, their inputs and genotypes for tests."""

import torch
from torch import Tensor, nn

OPERATORS = ['Zero', 'skip_connect', 'Atr_Conv_3x3', 'Sep_Conv_3x3']
EVERY_OPERATOR = [
    *('Zero', 'skip_connect', 'Sep_Conv_3x3', 'Sep_Conv_5x5', 'Atr_Conv_3x3', 'Atr_Conv_5x5'),
    *('avg_pool_3x3', 'max_pool_3x3', 'Basic_Conv_3x3', 'Bottle_Conv_3x3', 'conv_3x3'),
]
#: Depth 5, from layer 2 on: three levels, layers of 3, 2 and 1 cells.
FABRIC = dict(depth=5, cut_layers=2, factor=2, operators=OPERATORS)
PARTS = dict(arms=[0, 3], legs=[2, 1])


def levels(
    channels: tuple[int, ...] = (8, 16, 32), size: tuple[int, int] = (16, 24), seed: int = 0
) -> tuple[Tensor, ...]:
    """Draw the levels of two images; the finest has ``size``, (H, W)."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randn(2, width, size[0] >> i, size[1] >> i, generator=generator)
        for i, width in enumerate(channels)
    )


def stir(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give mixing weights, norms and their statistics values that matter."""
    generator = torch.Generator().manual_seed(seed)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.3, generator=generator)
            norm.running_var.uniform_(0.5, 1.5, generator=generator)
            if norm.affine:
                nn.init.uniform_(norm.weight, 0.5, 1.5, generator=generator)
                nn.init.normal_(norm.bias, 0, 0.3, generator=generator)
    for name, parameter in module.named_parameters():
        if name.endswith(('alphas', 'betas')):
            nn.init.normal_(parameter, generator=generator)
    return module


def cell(slots: dict[str, tuple[str, float]], *edges: dict[str, float]) -> dict:
    """Write a fabric cell of one hidden state; ``edges`` mix its operators."""
    inputs = [{'slot': k, 'from': source, 'weight': w} for k, (source, w) in slots.items()]
    return dict(
        kind='fabric',
        inputs=inputs,
        nodes=[dict(id=1, edges=[{'from': 0, 'weights': weights} for weights in edges])],
        output=dict(merge='concat', nodes=[1]),
    )


def genotype(names: tuple[str, ...] = ('arms', 'legs'), **macro: object) -> dict:
    """Write a pruned form of FABRIC: four of six cells; each part has its own operators."""
    cells = {}
    for i, part in enumerate(names):
        op = ({'Sep_Conv_3x3': 0.5, 'skip_connect': 0.25}, {'Atr_Conv_3x3': 1.0})[i % 2]
        cells |= {
            f'{part}.2_0': cell({'parallel': ('level_0', 0.25), 'above': ('level_0', 0.5)}, op),
            f'{part}.2_2': cell({'above': ('level_1', 1.0)}, op),
            f'{part}.3_1': cell({'above': (f'{part}.2_0', 0.5), 'below': (f'{part}.2_2', 0.5)}, op),
            f'{part}.4_0': cell({'below': (f'{part}.3_1', 1.0)}, op),
        }
    numbers = dict(depth=5, cut_layers=2, factor=2, hidden_states=1, size_types=[4, 8, 16, 32])
    return dict(
        schema='pose-genotype/1',
        family='pnfs',
        name='sample',
        space=dict(id='cnf/1'),
        macro={**numbers, 'input_gain': 3.0, 'op_gain': 4.0, **macro},
        cells=cells,
    )
