"""Channels in the order of their importance, so that the first ones are worth keeping."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posenas.search.pruned.units import Axis, Structure


@torch.no_grad()
def sort_channels(network: nn.Module, structure: Structure) -> None:
    """Reorder the channels of a network, in place, the most important first.

    The importance of a channel is the L2 norm of the weights that make it, scaled by the batch norm
    behind them. Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017, rank by norms of
    weights; differs from the paper: all layers that make a channel count, so that maps that are
    added are pruned alike. Outputs change by rounding only.

    Args:
        network: The network at its largest.
        structure: What a walk through it found.
    """
    scores = [np.zeros(unit.count) for unit in structure.units]
    for name, layer in structure.layers.items():
        if not layer.is_norm:
            axis, made = structure.axes[name][0], _score_outputs(network, name, layer.norm)
            for place in np.unique(axis.units[axis.units >= 0]).tolist():
                mine = axis.units == place
                np.add.at(scores[place], axis.ranks[mine], made[mine])
    orders = [np.argsort(-score, kind='stable') for score in scores]
    for name in structure.layers:
        outputs, inputs = (_permute(axis, orders) for axis in structure.axes[name])
        _reorder(network.get_submodule(name), outputs, inputs)


def _score_outputs(network: nn.Module, name: str, norm_name: str) -> NDArray[np.float64]:
    """Return the squared norm of the weights that make each output of a convolution."""
    conv = network.get_submodule(name)
    squares = conv.weight.double().square().sum((2, 3))
    if isinstance(conv, nn.ConvTranspose2d):
        squares = squares.unflatten(0, (conv.groups, -1)).sum(1).flatten()
    else:
        squares = squares.sum(1)
    if norm_name:
        norm = network.get_submodule(norm_name)
        squares = squares * norm.weight.double().square() / (norm.running_var.double() + norm.eps)
    return squares.cpu().numpy()


def _permute(axis: Axis, orders: list[NDArray[np.int64]]) -> Tensor:
    """Return which channel comes to each place."""
    source = np.arange(len(axis.units))
    for unit in np.unique(axis.units[axis.units >= 0]).tolist():
        places = np.flatnonzero(axis.units == unit)
        by_rank = places[np.argsort(axis.ranks[places], kind='stable')]
        by_rank = by_rank.reshape(len(orders[unit]), -1)  # (groups of channels, channels of one)
        source[by_rank] = by_rank[orders[unit]]
    return torch.from_numpy(source)


def _reorder(layer: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
    """Reorder the weights and statistics of a layer."""
    rows, columns = (
        (inputs, outputs) if isinstance(layer, nn.ConvTranspose2d) else (outputs, inputs)
    )
    for name, value in layer.state_dict(keep_vars=True).items():
        if name == 'weight':
            picked = value[rows.to(value.device)]
            if getattr(layer, 'groups', 2) == 1:  # columns of a grouped layer stay within a group
                picked = picked[:, columns.to(value.device)]
            value.copy_(picked)
        elif value.ndim:
            value.copy_(value[outputs.to(value.device)])
