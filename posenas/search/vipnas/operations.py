"""ViPNAS networks, for images and for videos, as lists of operations."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache

from posenas.genotype import (
    BlockShape,
    FrameShape,
    Genotype,
    read_frames,
    read_key,
    read_vipnas_blocks,
    read_vipnas_head,
)
from posenas.registry import TASK_UTILS
from posenas.search.archive import digest
from posenas.search.costs import CostContext, Counts, count_estimator
from posenas.search.operation import (
    Operation,
    list_networks,
    list_operations,
    lists_operations,
)


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


@lists_operations('vipnas')
def list_vipnas_networks(genotype: Genotype, context: CostContext) -> list[list[Operation]]:
    """List those of the one network.

    Raises:
        ConfigError: The genotype is of another family.
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
    return [[*operations, final]]


@lists_operations('t_vipnas')
def list_temporal_networks(genotype: Genotype, context: CostContext) -> list[list[Operation]]:
    """List those of the key network, where the genotype has it, and of the light networks."""
    key = read_key(genotype)
    networks = [] if key is None else list_networks(key, context)
    for shape in read_frames(genotype):
        fusion = _list_fusion(shape, context)
        networks.append(list_operations(shape.net, context) + fusion)
    return networks


def _list_fusion(shape: FrameShape, context: CostContext) -> list[Operation]:
    """List the operations that bring the heatmaps of the frame before into a light network."""
    width, height = context.input_size
    stride = 2 ** (shape.fuse_stage + 1)
    size = -(-width // stride), -(-height // stride)
    channels = shape.fuse_channels
    operations = [
        Operation('conv', size, context.num_keypoints, channels, act='ReLU'),
        Operation('conv', size, channels, channels),
    ]
    if shape.fuse_op == 'cat':
        operations.append(Operation('conv', size, 2 * channels, channels))
    return operations


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
