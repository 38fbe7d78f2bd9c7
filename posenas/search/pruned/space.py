"""The space of the networks that a network can be pruned to."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from math import ceil, gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from posenas.genotype import Genotype, describe_pruned_model
from posenas.models.layers.pruning import count_groups
from posenas.registry import TASK_UTILS
from posenas.search.pruned.units import Axis, Structure, Unit, is_below, read_counts
from posenas.search.pruned.walk import Layer
from posenas.search.space import Arch, Choice, SearchSpace
from posenas.utils import ConfigError


@TASK_UTILS.register_module()
class PrunedModelSpace(SearchSpace):
    """Widths, depths and kernels up to those of a network.

    Channels that are added, multiplied or filtered one by one have one width, which a walk through
    the network finds; groups of a convolution are kept or pruned whole. Heatmaps and images keep
    their channels. In the manner of FastNAS in NVIDIA's ModelOpt.

    Decisions within blocks that are skipped have their first option.

    Args:
        model: Config of the estimator.
        width: Shares of the channels that may be kept, in (0, 1]; 1 is always among them.
        depth: Shares of the residual blocks of a stage that may be kept, rounded up; those at its
            end are skipped. Blocks that change the shape stay.
        kernel: Sides, odd, that larger kernels may be cropped to; none leaves them as they are.
        divisor: Widths are multiples of it, if they are not the largest. Below 8, PyTorch 2.13 can
            crash in the backward pass of convolutions in ``channels_last`` on CPUs.

    Raises:
        ConfigError: The network cannot be pruned, or options cannot be.
    """

    def __init__(
        self,
        model: Mapping[str, Any],
        width: Sequence[float] = (0.5, 0.75, 1.0),
        depth: Sequence[float] = (0.5, 1.0),
        kernel: Sequence[int] = (),
        divisor: int = 8,
    ) -> None:
        _check_options(width, depth, kernel, divisor)
        self.structure = Structure(model)
        self.macro = describe_pruned_model(model)
        self.name = f'pruned-{self.macro["backbone"]["type"]}/1'
        self._widths = [
            _make_choice(f'{unit.name}.width', _list_widths(unit, width, divisor))
            for unit in self.structure.units
        ]
        self._depths = {
            _make_choice(f'{stage[0]}.depth', {ceil(s * len(stage)) for s in (*depth, 1)}): stage
            for stage in self.structure.stages
        }
        self._kernels = {
            _make_choice(f'{name}.kernel', {*(k for k in kernel if k < side), side}): name
            for name, layer in self.structure.layers.items()
            if (side := _find_kernel(layer)) > 1
        }

    @cached_property
    def decisions(self) -> tuple[Choice, ...]:
        """Depths of stages, widths of units of channels, kernels; each stage is inherited whole."""
        choices = (*self._depths, *self._widths, *self._kernels)
        return tuple(choice for choice in choices if choice.count > 1)

    def read_counts(self, arch: Arch) -> NDArray[np.int64]:
        """Return how many groups of channels each unit keeps, and one more entry."""
        units = zip(self.structure.units, self._widths, strict=True)
        kept = [arch.get(choice.name, choice.options[-1]) // unit.size for unit, choice in units]
        return np.array([*kept, 0], dtype=np.int64)

    def read_kernels(self, arch: Arch) -> dict[str, int]:
        """Return the side of the kernel of each convolution that has a choice."""
        return {name: int(arch.get(c.name, c.options[-1])) for c, name in self._kernels.items()}

    def list_skipped(self, arch: Arch) -> list[str]:
        """List the residual blocks that are skipped."""
        return [
            block
            for choice, stage in self._depths.items()
            for block in stage[arch.get(choice.name, len(stage)) :]
        ]

    def to_genotype(self, arch: Arch) -> Genotype:
        """Write ``arch`` as a genotype.

        Raises:
            ConfigError: It lies outside the space.
        """
        self.require(arch)
        counts, kernels = self.read_counts(arch), self.read_kernels(arch)
        skipped = self.list_skipped(arch)
        layers = {}
        for name, layer in self.structure.layers.items():
            if not is_below(name, skipped):
                sizes = _find_sizes(layer, self.structure.axes[name], counts, kernels.get(name))
                layers |= {name: sizes} if sizes else {}
        return Genotype(
            family='pruned',
            name=self.name.replace('/', '-'),
            space=dict(name=self.name),
            macro=self.macro,
            choices=dict(layers=layers, skipped=skipped),
        )

    def from_genotype(self, genotype: Genotype) -> Arch:
        """Find the architecture of ``genotype``; see :meth:`SearchSpace.from_genotype`."""
        claim = f'{genotype.name!r} does not lie in {self.name}'
        if genotype.family != 'pruned' or genotype.macro != self.macro:
            raise ConfigError(f'{claim}: it must be a pruned form of the network of the space')
        layers = (genotype.choices or {})['layers']
        skipped = genotype.choices['skipped']
        values = {}
        for choice, stage in self._depths.items():
            values[choice.name] = len(stage) - len({*stage} & {*skipped})
        counts = read_counts(self.structure, genotype)[:-1].tolist()
        for choice, unit, count in zip(self._widths, self.structure.units, counts, strict=True):
            values[choice.name] = count * unit.size
        for choice, name in self._kernels.items():
            values[choice.name] = layers.get(name, {}).get('kernel_size', choice.options[-1])
        arch = self.repair(Arch({d.name: values[d.name] for d in self.decisions}))
        self.require(arch, claim)
        if self.to_genotype(arch).choices != genotype.choices:
            raise ConfigError(f'{claim}: its layers must have the widths of the space together')
        return arch

    def repair(self, arch: Arch) -> Arch:
        """Give decisions within blocks that are skipped their first option."""
        skipped = self.list_skipped(arch)
        if not skipped:
            return arch
        units = zip(self._widths, self.structure.units, strict=True)
        idle = [c for c, unit in units if all(is_below(name, skipped) for name in unit.makers)]
        idle += [c for c, name in self._kernels.items() if is_below(name, skipped)]
        return arch | {choice.name: choice.options[0] for choice in idle if choice.count > 1}

    def find_conflict(self, arch: Arch) -> str | None:
        """Say which decisions are within skipped blocks and not at their first option."""
        fixed = self.repair(arch)
        changed = {name: fixed[name] for name in arch if fixed[name] != arch[name]}
        return f'these must be {changed}, or be repaired, got {arch}' if changed else None


def _check_options(
    width: Collection[float], depth: Collection[float], kernel: Collection[int], divisor: int
) -> None:
    """Require shares in (0, 1] and odd sides."""
    for name, shares in (('width', width), ('depth', depth)):
        if not all(0 < share <= 1 for share in shares):
            raise ConfigError(f'{name} must hold shares in (0, 1], got {tuple(shares)}')
    if not all(side % 2 == 1 and side > 0 for side in kernel):
        raise ConfigError(f'kernel must hold odd sides, got {tuple(kernel)}')
    if divisor < 1:
        raise ConfigError(f'divisor must be at least 1, got {divisor}')


def _make_choice(name: str, options: Collection[int]) -> Choice:
    group = '.'.join(name.split('.')[:2])
    return Choice(name, tuple(sorted(options)), group)


def _list_widths(unit: Unit, shares: Sequence[float], divisor: int) -> set[int]:
    """Return the channels that a unit may keep."""
    step = divisor // gcd(divisor, unit.size)
    counts = {max(1, round(share * unit.count / step)) * step for share in shares}
    return {unit.size * min(count, unit.count) for count in (*counts, unit.count)}


def _find_kernel(layer: Layer) -> int:
    """Return the side of a kernel whose centre can be used alone; 1 where it cannot."""
    module = layer.module
    if type(module) is not nn.Conv2d or len({*module.kernel_size}) > 1:
        return 1
    side = module.kernel_size[0]
    spare = module.padding[0] - module.dilation[0] * (side // 2)
    return side if side % 2 and spare >= 0 else 1


def _find_sizes(
    layer: Layer, axes: tuple[Axis, Axis], counts: NDArray[np.int64], kernel: int | None
) -> dict[str, int]:
    """Return the sizes of a layer that differ from the largest ones."""
    outputs, inputs = (axis.count(counts) for axis in axes)
    module = layer.module
    if layer.is_norm:
        return {} if outputs == len(layer.outputs) else dict(num_features=outputs)
    sizes = dict(in_channels=inputs, out_channels=outputs)
    sizes['groups'] = count_groups(module, inputs)
    sizes['kernel_size'] = kernel or module.kernel_size[0]
    full = dict(
        in_channels=module.in_channels,
        out_channels=module.out_channels,
        groups=module.groups,
        kernel_size=module.kernel_size[0],
    )
    return {name: size for name, size in sizes.items() if size != full[name]}
