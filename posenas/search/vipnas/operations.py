"""Networks as lists of operations, for figures that add up: parameters, multiplications, time."""

from collections.abc import Iterator
from dataclasses import dataclass

from posenas.genotype import (
    BlockShape,
    Genotype,
    context_planes,
    read_vipnas_blocks,
    read_vipnas_head,
    squeezed_channels,
)
from posenas.registry import TASK_UTILS
from posenas.search.costs import CostContext, Counts


@dataclass(frozen=True)
class Operation:
    """One layer on a map of one size; equal ones cost the same wherever they stand.

    Attributes:
        kind: 'conv', 'deconv' (transposed, stride 2), 'context' (context block), 'squeeze'
            (squeeze-and-excitation), 'pool' (3x3, stride 2) or 'add'.
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
        if self.kind == 'deconv':
            return 2 * width, 2 * height
        return -(-width // self.stride), -(-height // self.stride)

    @property
    def planes(self) -> int:
        """Hidden width of attention."""
        is_context = self.kind == 'context'
        return (context_planes if is_context else squeezed_channels)(self.in_channels)

    @property
    def params(self) -> int:
        """Elements of all parameters."""
        c, p = self.in_channels, self.planes
        if self.kind == 'context':  # mask; both convolutions and the layer norm
            return (c + 1) + (c * p + p) + 2 * p + (p * c + c)
        if self.kind == 'squeeze':
            return (c * p + p) + (p * c + c)
        if self.kind in ('pool', 'add'):
            return 0
        kernels = c * self.out_channels // self.groups * self.kernel**2
        return kernels + self.out_channels * (2 if self.with_norm else 1)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions."""
        c, p = self.in_channels, self.planes
        if self.kind == 'context':
            return self.size[0] * self.size[1] * c + 2 * c * p
        if self.kind == 'squeeze':
            return 2 * c * p
        if self.kind in ('pool', 'add'):
            return 0
        width, height = self.size if self.kind == 'deconv' else self.output_size
        return width * height * (c * self.out_channels // self.groups) * self.kernel**2


@TASK_UTILS.register_module()
class ViPNASCounter:
    """Counts spatial ViPNAS networks from their genotype alone, exactly and in microseconds.

    Memory is not counted: build the network for it, with a ``NetworkCounter``.
    """

    def fingerprint(self) -> str:
        """Return the name: nothing else matters."""
        return type(self).__name__

    def __call__(self, genotype: Genotype, context: CostContext) -> Counts:
        """Count the network of ``genotype``.

        Raises:
            ConfigError: It is no spatial ViPNAS genotype.
        """
        operations = list_operations(genotype, context)
        return Counts(sum(o.params for o in operations), sum(o.macs for o in operations))


def list_operations(genotype: Genotype, context: CostContext) -> list[Operation]:
    """List the operations of a spatial ViPNAS network in the order in which they run.

    Raises:
        ConfigError: It is no spatial ViPNAS genotype.
    """
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
