"""Networks as lists of operations, for figures that add up: parameters, MACs, time."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from posenas.genotype import Genotype, context_planes, squeezed_channels
from posenas.search.costs import CostContext
from posenas.utils import ConfigError


@dataclass(frozen=True)
class Operation:
    """One layer on a map of one size; equal ones cost the same wherever they stand.

    Attributes:
        kind: 'conv', 'deconv' (transposed, stride 2), 'context' (context block), 'squeeze'
            (squeeze-and-excitation), 'pool' (3x3, stride 2), 'add', 'upsample' (twice as large),
            'shuffle' (pixel shuffle, twice as large) or 'simcc' (product of coordinates, likewise).
        size: (width, height) of the input, cells.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Side.
        stride: Stride.
        groups: Groups.
        act: Activation behind it: 'ReLU', 'HSwish' or ''.
        with_norm: Whether a batch norm stands between, which then replaces the bias.
    """

    kind: str
    size: tuple[int, int]
    in_channels: int
    out_channels: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    act: str = ''
    with_norm: bool = True

    @property
    def output_size(self) -> tuple[int, int]:
        """(width, height) of the output."""
        width, height = self.size
        if self.kind in _DOUBLING:
            return 2 * width, 2 * height
        return -(-width // self.stride), -(-height // self.stride)

    @property
    def planes(self) -> int:
        """Hidden width of attention."""
        is_context = self.kind == 'context'
        return (context_planes if is_context else squeezed_channels)(self.in_channels)

    @property
    def _linear_weights(self) -> int:
        """Weights of the linear layers from a map to the columns and rows of a heatmap."""
        return prod(self.size) * 2 * sum(self.size)

    @property
    def params(self) -> int:
        """Elements of all parameters."""
        c, p = self.in_channels, self.planes
        if self.kind == 'context':  # mask; both convolutions and the layer norm
            return (c + 1) + (c * p + p) + 2 * p + (p * c + c)
        if self.kind == 'squeeze':
            return (c * p + p) + (p * c + c)
        if self.kind == 'simcc':
            return self._linear_weights + 2 * sum(self.size)
        if self.kind in _FREE:
            return 0
        kernels = c * self.out_channels // self.groups * self.kernel**2
        return kernels + self.out_channels * (2 if self.with_norm else 1)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layers."""
        c, p = self.in_channels, self.planes
        if self.kind == 'context':
            return self.size[0] * self.size[1] * c + 2 * c * p
        if self.kind == 'squeeze':
            return 2 * c * p
        if self.kind == 'simcc':
            return c * self._linear_weights
        if self.kind in _FREE:
            return 0
        width, height = self.size if self.kind == 'deconv' else self.output_size
        return width * height * (c * self.out_channels // self.groups) * self.kernel**2


#: Operations whose output is twice as large as their input.
_DOUBLING = ('deconv', 'upsample', 'shuffle', 'simcc')
#: Operations without weights.
_FREE = ('pool', 'add', 'upsample', 'shuffle')

#: Lists the operations of each network of a genotype.
NetworkLister = Callable[[Genotype, CostContext], list[list[Operation]]]
_LISTERS: dict[str, NetworkLister] = {}


def lists_operations(family: str) -> Callable[[NetworkLister], NetworkLister]:
    """Enter what lists the networks of a family of genotypes, as a registry does."""

    def enter(lister: NetworkLister) -> NetworkLister:
        _LISTERS[family] = lister
        return lister

    return enter


def list_networks(genotype: Genotype, context: CostContext) -> list[list[Operation]]:
    """List the operations of each network of a genotype.

    Returns:
        Those of the one network of a genotype for images; of a temporal one those of the key
        network, where the genotype has it, and those of the networks of the further frames.

    Raises:
        ConfigError: Its family has no such list.
    """
    if genotype.family not in _LISTERS:
        raise ConfigError(
            f'operations are listed for genotypes of {sorted(_LISTERS)}, got one of '
            f'{genotype.family!r}'
        )
    return _LISTERS[genotype.family](genotype, context)


def list_operations(genotype: Genotype, context: CostContext) -> list[Operation]:
    """List the operations of a network for images in the order in which they run.

    Raises:
        ConfigError: Its family has no such list, or is one of networks for videos.
    """
    networks = list_networks(genotype, context)
    if len(networks) != 1:
        raise ConfigError(f'{genotype.name} must be one network, got {len(networks)}')
    return networks[0]
