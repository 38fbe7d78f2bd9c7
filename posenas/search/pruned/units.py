"""Channels of a network in units that a search decides the width of."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from mmengine.registry import init_default_scope
from numpy.typing import NDArray

from posenas.genotype import Genotype
from posenas.models import TopdownPoseEstimator
from posenas.models.backbones.hourglass import PreActivationUnit
from posenas.models.backbones.mobilenet_v2 import InvertedResidual, InvertedUnit
from posenas.models.backbones.vipnas_mobilenet_v3 import ViPNASInvertedResidual
from posenas.models.layers.residual import ResidualBlock
from posenas.registry import MODELS
from posenas.search.pruned.walk import Block, Call, Ids, Layer, NetworkWalk
from posenas.utils import ConfigError
from posenas.utils.profiling import count_parameters

#: Residual blocks that a network may run without.
_BLOCK_TYPES = (
    ResidualBlock,
    InvertedResidual,
    InvertedUnit,
    ViPNASInvertedResidual,
    PreActivationUnit,
)
#: Networks whose channels can be followed, and heads for them.
_BACKBONES = (
    *('ResNet', 'ResNetV1d', 'ResNeXt', 'SEResNet', 'MobileNetV2', 'MobileNetV2Pyramid'),
    *('MobileNetV3', 'ViPNASResNet', 'ViPNASMobileNetV3', 'HRNet', 'HRNetPyramid', 'Hourglass'),
    *('PoseNAS', 'TinyConvNet'),
)
_HEADS = ('HeatmapHead', 'ViPNASHead', 'PoseNASHead', 'StackedHourglassHead')
#: Side of images that networks take unless they need larger ones.
_SIDE = 64


@dataclass(frozen=True)
class Unit:
    """Channels that are kept in order of their importance, so many that a search decides.

    Attributes:
        name: Of the first layer that makes them and no others.
        makers: Names of all such layers.
        count: Groups of channels that are kept or pruned together.
        size: Channels of a group, as those layers count them.
    """

    name: str
    makers: tuple[str, ...]
    count: int
    size: int


@dataclass(frozen=True)
class Axis:
    """Channels of one map or of one side of a layer.

    Attributes:
        units: Place of the unit of each channel; -1 where it is always kept.
        ranks: Rank of each channel's group in its unit, 0 for the first that is kept.
    """

    units: NDArray[np.int64]
    ranks: NDArray[np.int64]

    def keep(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places of the channels that are kept.

        Args:
            counts: Groups that each unit keeps; one more entry, the last one, is not used.
        """
        return np.flatnonzero((self.units < 0) | (self.ranks < counts[self.units]))

    def count(self, counts: NDArray[np.int64]) -> int:
        """Return how many channels are kept; see :meth:`keep`."""
        fixed, sizes = self._shares
        return fixed + sum(size * int(counts[unit]) for unit, size in sizes.items())

    @cached_property
    def _shares(self) -> tuple[int, dict[int, int]]:
        """Channels that are always kept, and those that each group of a unit adds."""
        firsts = self.units[(self.ranks == 0) & (self.units >= 0)]
        return int((self.units < 0).sum()), dict(Counter(firsts.tolist()))


class Structure:
    """Units, layers and residual blocks of a network, found by one walk through it.

    Args:
        model: Config of the estimator.
        size: (width, height) of the images; None takes one that the network can.

    Attributes:
        layers: Layers that run, by name, in their order.
        calls: What takes time, in its order.
        units: Units of channels.
        unused: Parameters of layers that do not run.
        stages: Blocks of each stage, in their order; of those behind the first one all can be
            skipped.

    Raises:
        ConfigError: The network is none of those that can be pruned.
    """

    def __init__(self, model: Mapping, size: tuple[int, int] | None = None) -> None:
        init_default_scope('posenas')
        check_supported(model)
        with torch.device('meta'):
            network = MODELS.build(dict(model, type='TopdownPoseEstimator')).eval()
            side = max(_SIDE, getattr(network.backbone, 'input_multiple', 1))
            width, height = size or (side, side)
            walk = NetworkWalk(network, torch.empty(1, 3, height, width), _BLOCK_TYPES)
        self.layers: dict[str, Layer] = walk.layers
        walked = sum(count_parameters(layer.module) for layer in walk.layers.values())
        self.unused = count_parameters(network) - walked
        self.calls: list[Call] = walk.calls
        self.stages = _group_blocks(walk.blocks)
        self._roots, fixed = walk.channels.find_roots()
        self.units = self._find_units(fixed)

    def axis(self, ids: Ids) -> Axis:
        """Return which units channels belong to."""
        return Axis(self._unit_of[ids], self._rank_of[ids])

    @cached_property
    def axes(self) -> dict[str, tuple[Axis, Axis]]:
        """Name of a layer -> what it makes and what it reads."""
        return {
            name: (self.axis(layer.outputs), self.axis(layer.inputs))
            for name, layer in self.layers.items()
        }

    def _find_units(self, fixed: set[int]) -> tuple[Unit, ...]:
        """Put sets of channels together that the same layers make and read."""
        traits: dict[int, list[tuple[int, int]]] = defaultdict(list)
        sides = [ids for layer in self.layers.values() for ids in (layer.outputs, layer.inputs)]
        for place, ids in enumerate(sides):
            for root, count in zip(*np.unique(self._roots[ids], return_counts=True), strict=True):
                traits[int(root)].append((place, int(count)))
        alike: dict[tuple, list[int]] = defaultdict(list)
        for root in sorted(traits):
            if root not in fixed:
                alike[tuple(traits[root])].append(root)
        self._unit_of = np.full(len(self._roots), -1, dtype=np.int64)
        self._rank_of = np.zeros(len(self._roots), dtype=np.int64)
        units: list[Unit] = []
        for roots in alike.values():
            makers = self._find_makers(roots)
            if not makers:
                continue
            for rank, root in enumerate(roots):
                members = self._roots == root
                self._unit_of[members], self._rank_of[members] = len(units), rank
            size = len(self.layers[makers[0]].outputs) // len(roots)
            units.append(Unit(makers[0], makers, len(roots), size))
        return tuple(units)

    def _find_makers(self, roots: Sequence[int]) -> tuple[str, ...]:
        """Return the names of the layers that make channels of these sets and no others."""
        return tuple(
            name
            for name, layer in self.layers.items()
            if not layer.is_norm and {*self._roots[layer.outputs].tolist()} == {*roots}
        )


def read_counts(structure: Structure, genotype: Genotype) -> NDArray[np.int64]:
    """Return how many groups of channels each unit keeps, and one more entry.

    Those of units within skipped blocks alone are the largest.
    """
    layers, skipped = genotype.choices['layers'], genotype.choices['skipped']
    counts = []
    for unit in structure.units:
        makers = [name for name in unit.makers if not is_below(name, skipped)]
        sizes = layers.get(makers[0], {}) if makers else {}
        counts.append(sizes.get('out_channels', unit.count * unit.size) // unit.size)
    return np.array([*counts, 0], dtype=np.int64)


def check_supported(model: Mapping) -> None:
    """Refuse networks that cannot be pruned.

    Raises:
        ConfigError: Estimator, backbone, neck or head is another one, or it was pruned already.
    """
    if model.get('pruning'):
        raise ConfigError(
            'a network must not be pruned yet, got one with pruning: prune the network it comes '
            'from, in one search'
        )
    kind = model.get('type')
    if kind is not None and MODELS.get(kind) is not TopdownPoseEstimator:
        raise ConfigError(f'the network must be a TopdownPoseEstimator to be pruned, got {kind}')
    for part, known in (('backbone', _BACKBONES), ('head', _HEADS)):
        given = (model.get(part) or {}).get('type')
        if MODELS.get(given or '') not in [MODELS.get(name) for name in known]:
            raise ConfigError(f'{part}.type must be one of {list(known)} to be pruned, got {given}')
    if model.get('neck') is not None:
        raise ConfigError(
            f'a network must have no neck to be pruned, got {model["neck"].get("type")}'
        )


def _group_blocks(blocks: Sequence[Block]) -> tuple[tuple[str, ...], ...]:
    """Divide blocks into stages: one that cannot be skipped, or has another parent, begins one."""
    stages: list[list[str]] = []
    for block in blocks:
        parent = block.name.rpartition('.')[0]
        if stages and block.can_be_skipped and stages[-1][0].rpartition('.')[0] == parent:
            stages[-1].append(block.name)
        else:
            stages.append([block.name])
    return tuple(map(tuple, stages))


def is_below(name: str, blocks: Sequence[str]) -> bool:
    """Tell whether a layer is part of one of some modules."""
    return any(name.startswith(f'{block}.') for block in blocks)
