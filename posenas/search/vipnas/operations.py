"""Networks as lists of operations, for figures that add up: parameters, multiplications, time."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from posenas.genotype import (
    BlockShape,
    Genotype,
    context_planes,
    read_frames,
    read_key,
    read_vipnas_blocks,
    read_vipnas_head,
    squeezed_channels,
)
from posenas.registry import TASK_UTILS
from posenas.search.archive import digest
from posenas.search.costs import CostContext, Counts, count_estimator


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


@TASK_UTILS.register_module()
class ViPNASCounter:
    """Counts ViPNAS networks from their genotype alone, exactly and in microseconds.

    Of networks for videos parameters are those of all networks of a period, multiply-accumulates
    the mean of its frames. Memory is not counted: build the network for it, with a
    ``NetworkCounter``.

    Args:
        model: Config of the estimator of key frames, where genotypes only name it; what it costs is
            counted once. None leaves it out there.
    """

    def __init__(self, model: Mapping | None = None) -> None:
        self._key = None if model is None else json.dumps(model, sort_keys=True)

    def fingerprint(self) -> str:
        """Return the name, and a hash of the key network where there is one."""
        return type(self).__name__ + ('' if self._key is None else f' {digest(self._key)}')

    def __call__(self, genotype: Genotype, context: CostContext) -> Counts:
        """Count the network, or the networks, of ``genotype``.

        Raises:
            ConfigError: It is no ViPNAS genotype.
        """
        networks = list_networks(genotype, context)
        params = sum(o.params for operations in networks for o in operations)
        macs = sum(o.macs for operations in networks for o in operations)
        if genotype.family == 'vipnas':
            return Counts(params, macs)
        if self._key is not None and read_key(genotype) is None:
            key = count_network(self._key, context)
            params, macs = params + key.params, macs + key.macs
        return Counts(params, macs / genotype.choices['period'])


@lru_cache(maxsize=64)
def count_network(model: str, context: CostContext) -> Counts:
    """Build the estimator of a config, as JSON, without memory and count it."""
    return count_estimator(json.loads(model), context)


def list_networks(genotype: Genotype, context: CostContext) -> list[list[Operation]]:
    """List the operations of each network of a genotype.

    Returns:
        Those of the one network of a genotype for images; of a temporal one those of the key
        network, where the genotype has it, and those of the networks of the further frames.

    Raises:
        ConfigError: Its family has no such list.
    """
    if genotype.family != 't_vipnas':
        return [list_operations(genotype, context)]
    key = read_key(genotype)
    networks = [] if key is None else [list_operations(key, context)]
    for shape in read_frames(genotype):
        width, height = context.input_size
        stride = 2 ** (shape.fuse_stage + 1)
        size = -(-width // stride), -(-height // stride)
        channels = shape.fuse_channels
        fusion = [
            Operation('conv', size, context.num_keypoints, channels, act='ReLU'),
            Operation('conv', size, channels, channels),
        ]
        if shape.fuse_op == 'cat':
            fusion.append(Operation('conv', size, 2 * channels, channels))
        networks.append(list_operations(shape.net, context) + fusion)
    return networks


def list_operations(genotype: Genotype, context: CostContext) -> list[Operation]:
    """List the operations of a network for images in the order in which they run.

    Raises:
        ConfigError: Its family has no such list.
    """
    return OPERATION_LISTS.get(genotype.family, _list_spatial)(genotype, context)


def _list_spatial(genotype: Genotype, context: CostContext) -> list[Operation]:
    """List the operations of a spatial ViPNAS network."""
    stages = read_vipnas_blocks(genotype)
    is_mobile = genotype.macro['backbone'] == 'ViPNAS_MobileNetV3'
    width, kernel = genotype.choices['stem']['width'], genotype.choices['stem']['kernel']
    act = 'HSwish' if is_mobile else 'ReLU'
    stem = Operation('conv', context.input_size, 3, width, kernel, stride=2, act=act)
    operations = [stem]
    if not is_mobile:
        operations.append(Operation('pool', stem.output_size, width, width, 3, stride=2))
    for stage, shapes in enumerate(stages):
        for shape in shapes:
            size = operations[-1].output_size
            if is_mobile:
                operations += _list_inverted(shape, size, _MOBILE_ACTS[stage])
            else:
                operations += _list_bottleneck(shape, size)
    size = operations[-1].output_size
    for layer in read_vipnas_head(genotype):
        width = layer.out_channels
        made = Operation(
            'deconv', size, layer.in_channels, width, layer.kernel, 2, layer.groups, 'ReLU'
        )
        operations.append(made)
        size = made.output_size
    final = Operation('conv', size, width, context.num_keypoints, with_norm=False)
    return [*operations, final]


#: Family of networks for images -> lists the operations of one; a further family is entered once.
OPERATION_LISTS: dict[str, Callable[[Genotype, CostContext], list[Operation]]] = {
    'vipnas': _list_spatial
}
#: Activation of each stage of the MobileNetV3.
_MOBILE_ACTS = ('ReLU', 'ReLU', 'ReLU', 'HSwish', 'HSwish', 'HSwish')


def _list_bottleneck(shape: BlockShape, size: tuple[int, int]) -> Iterator[Operation]:
    """Yield the operations of a residual block, what it ends with last."""
    mid, out = shape.mid_channels, shape.out_channels
    first = Operation('conv', size, shape.in_channels, mid, act='ReLU')
    grouped = Operation(
        'conv', size, mid, mid, shape.kernel, shape.stride, shape.groups, act='ReLU'
    )
    inner = grouped.output_size
    yield from (first, grouped, Operation('conv', inner, mid, out))
    if shape.attention:
        yield Operation('context', inner, out, out)
    if not shape.keeps_shape:
        yield Operation('conv', size, shape.in_channels, out, stride=shape.stride)
    yield Operation('add', inner, out, out, act='ReLU')


def _list_inverted(shape: BlockShape, size: tuple[int, int], act: str) -> Iterator[Operation]:
    """Yield the operations of an inverted residual block, what it ends with last."""
    mid, out = shape.mid_channels, shape.out_channels
    if mid != out:
        yield Operation('conv', size, shape.in_channels, mid, act=act)
    grouped = Operation('conv', size, mid, mid, shape.kernel, shape.stride, shape.groups, act=act)
    inner = grouped.output_size
    yield grouped
    if shape.attention:
        yield Operation('squeeze', inner, mid, mid)
    yield Operation('conv', inner, mid, out)
    if shape.keeps_shape:
        yield Operation('add', inner, out, out)
