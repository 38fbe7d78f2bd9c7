"""One walk through a network that finds which channels must be kept or pruned together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from posenas.utils import ConfigError

#: Numbers of the channels of a map.
Ids = NDArray[np.int64]
#: Layers whose channels can be chosen.
SIZED_LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.LayerNorm)
#: Functions, without underscores, that add or multiply maps channel by channel.
_BINARY = frozenset(
    f'{prefix}{name}'
    for name in ('add', 'sub', 'mul', 'div', 'truediv')
    for prefix in ('', 'i', 'r')
)
#: Functions that leave channels where they are.
_UNARY = frozenset(
    (
        *('relu', 'relu6', 'hardtanh', 'hardswish', 'hardsigmoid', 'silu', 'sigmoid', 'clamp'),
        *('max_pool2d', 'avg_pool2d', 'adaptive_avg_pool2d', 'interpolate', 'mean', 'softmax'),
        *('contiguous', 'getitem', 'zeros_like', 'flatten', 'dropout', 'matmul'),
    )
)
#: Names under which activations are built, by the function that they call.
_ACTIVATIONS = dict(
    relu='ReLU', relu6='ReLU6', hardtanh='ReLU6', hardswish='HSwish', sigmoid='Sigmoid'
)


@dataclass
class Layer:
    """A layer of the network.

    Attributes:
        module: The layer at its largest.
        outputs: Channels that it makes; of a norm those that it passes on.
        inputs: Channels that it reads; none of a norm.
        norm: Name of the batch norm that reads its output and nothing else; '' without one.
    """

    module: nn.Module
    outputs: Ids
    inputs: Ids
    norm: str = ''

    @property
    def is_norm(self) -> bool:
        """Whether it only rescales what it reads."""
        return not isinstance(self.module, nn.Conv2d | nn.ConvTranspose2d)


@dataclass
class Call:
    """One step of the forward pass that takes time.

    Attributes:
        kind: 'conv', 'deconv', 'pool', 'add' (or another step from number to number) or 'upsample'.
        layer: Name of the layer that runs; '' without one.
        inputs: Channels that it reads.
        outputs: Channels that it makes.
        size: (width, height) of the input.
        output_size: (width, height) of the output.
        block: Name of the residual block that it belongs to; '' without one.
        act: Activation of the output, as ``mmcv.cnn.build_activation_layer`` names it; '' without.
    """

    kind: str
    layer: str
    inputs: Ids
    outputs: Ids
    size: tuple[int, int]
    output_size: tuple[int, int]
    block: str
    act: str = ''


@dataclass(frozen=True)
class Block:
    """A residual block that the network would still run without.

    Attributes:
        name: Of the module.
        can_be_skipped: Whether its output has the shape and the channels of its input.
    """

    name: str
    can_be_skipped: bool


class Channels:
    """Numbered channels in disjoint sets; those of one set are kept or pruned together."""

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._fixed: list[int] = []

    def make(self, count: int) -> Ids:
        """Return the numbers of new channels."""
        start = len(self._parents)
        self._parents.extend(range(start, start + count))
        return np.arange(start, start + count)

    def find(self, channel: int) -> int:
        """Return the number that stands for the set of a channel."""
        parents = self._parents
        while parents[channel] != channel:
            parents[channel] = channel = parents[parents[channel]]
        return channel

    def tie(self, first: Iterable[int], second: Iterable[int]) -> None:
        """Keep the channels of each pair together."""
        for one, two in zip(first, second, strict=True):
            low, high = sorted((self.find(int(one)), self.find(int(two))))
            self._parents[high] = low

    def fix(self, ids: Ids) -> None:
        """Keep channels always."""
        self._fixed += ids.tolist()

    def find_roots(self) -> tuple[Ids, set[int]]:
        """Return what stands for the set of each channel, and which of these are always kept."""
        roots = np.array([self.find(i) for i in range(len(self._parents))], dtype=np.int64)
        return roots, {int(roots[i]) for i in self._fixed}


class NetworkWalk(TorchFunctionMode):
    """Follows channels through one forward pass, whatever code makes it.

    Maps that are added or multiplied have the same channels; concatenated ones have all of theirs;
    the groups of a convolution are kept or pruned whole, with what they read and make.

    Args:
        network: Network on the meta device.
        inputs: Images (1, 3, H, W) on the meta device.
        block_types: Classes of residual blocks.

    Attributes:
        channels: All channels.
        layers: Layers that run, by name, in their order.
        calls: What takes time, in its order.
        blocks: Residual blocks, in their order.

    Raises:
        ConfigError: The network does something that channels cannot be followed through.
    """

    def __init__(
        self, network: nn.Module, inputs: Tensor, block_types: Sequence[type[nn.Module]]
    ) -> None:
        super().__init__()
        self.channels = Channels()
        self.layers: dict[str, Layer] = {}
        self.calls: list[Call] = []
        self.blocks: list[Block] = []
        self._maps: dict[int, tuple[Tensor, Ids]] = {}  # keeps tensors, so that none is reused
        self._makers: dict[int, Call] = {}
        self._names = {
            id(parameter): (name, module)
            for name, module in network.named_modules()
            if isinstance(module, SIZED_LAYERS)
            for parameter in module.parameters(recurse=False)
        }
        self._block = ''
        self._blocks_seen: list[tuple[str, Ids, Ids, bool]] = []
        self._run(network, inputs, tuple(block_types))

    @torch.no_grad()
    def _run(self, network: nn.Module, inputs: Tensor, block_types: tuple) -> None:
        self._note(inputs, self.channels.make(inputs.shape[1]))
        self.channels.fix(self._read(inputs))
        hooks = []
        for name, module in network.named_modules():
            if isinstance(module, block_types):
                hooks.append(module.register_forward_pre_hook(partial(self._begin_block, name)))
                hooks.append(module.register_forward_hook(partial(self._end_block, name)))
        try:
            with self:
                outputs = network(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        for output in [outputs] if isinstance(outputs, Tensor) else outputs:
            self.channels.fix(self._read(output))
        for name, before, after, is_alike in self._blocks_seen:
            roots = [[*map(self.channels.find, ids.tolist())] for ids in (before, after)]
            self.blocks.append(Block(name, is_alike and roots[0] == roots[1]))

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401  (any function of torch)
        types: Sequence[type],
        args: Sequence = (),
        kwargs: Mapping | None = None,
    ) -> Any:  # noqa: ANN401
        """Run a function and note the channels of what it returns."""
        is_norm = func is F.batch_norm  # slow on the meta device, and known
        result = torch.empty_like(args[0]) if is_norm else func(*args, **(kwargs or {}))
        tracked = [a for a in _flatten(args) if isinstance(a, Tensor) and id(a) in self._maps]
        if isinstance(result, Tensor) and tracked:
            self._follow(func.__name__, args, kwargs or {}, tracked, result)
        return result

    def _follow(
        self, full_name: str, args: Sequence, kwargs: Mapping, tracked: list[Tensor], result: Tensor
    ) -> None:
        """Note the channels of ``result``."""
        name = full_name.strip('_')
        if name in ('conv2d', 'conv_transpose2d'):
            self._convolve(name, args, result)
        elif name in ('batch_norm', 'layer_norm'):
            self._normalise(name, args, kwargs, result)
        elif name == 'cat':
            self._note(result, np.concatenate([self._read(x) for x in tracked]))
        elif name in _BINARY:
            self._combine(tracked, result)
        elif name == 'transpose':
            self.channels.fix(self._read(tracked[0]))  # channels are no longer the second axis
        elif name in _UNARY and result.shape[1] == len(self._read(tracked[0])):
            self._pass_on(name, tracked[0], result)
        else:
            raise ConfigError(
                f'channels cannot be followed through {full_name} on a map of shape '
                f'{tuple(tracked[0].shape)}: a network that is pruned must consist of '
                'convolutions, norms, activations, pooling, sums, products and concatenations'
            )

    def _convolve(self, name: str, args: Sequence, result: Tensor) -> None:
        x, weight = args[:2]
        layer_name, module = self._names.get(id(weight), ('', None))
        if module is None:
            raise ConfigError(
                'a network that is pruned must have convolutions with weights of their own, got '
                f'computed ones of shape {tuple(weight.shape)}'
            )
        ids = self._read(x)
        if layer_name in self.layers:
            layer = self.layers[layer_name]
            self.channels.tie(layer.inputs, ids)
        else:
            layer = Layer(module, self.channels.make(result.shape[1]), ids)
            self.layers[layer_name] = layer
            if module.groups > 1:
                for part in (layer.inputs, layer.outputs):
                    groups = part.reshape(module.groups, -1)  # (groups, channels of a group)
                    leaders = layer.inputs.reshape(module.groups, -1)[:, :1]
                    self.channels.tie(np.broadcast_to(leaders, groups.shape).flat, groups.flat)
        kind = 'conv' if name == 'conv2d' else 'deconv'
        self._add_call(kind, layer_name, x, result, layer.outputs)

    def _normalise(self, name: str, args: Sequence, kwargs: Mapping, result: Tensor) -> None:
        x, ids = args[0], self._read(args[0])
        weight = kwargs['weight'] if name == 'batch_norm' and 'weight' in kwargs else None
        if weight is None:
            weight = next((a for a in (*args[1:], *kwargs.values()) if id(a) in self._names), None)
        layer_name, module = self._names.get(id(weight), ('', None))
        if module is None:
            raise ConfigError(
                'norms of a network that is pruned must have weights, got one without'
            )
        if layer_name in self.layers:
            self.channels.tie(self.layers[layer_name].outputs, ids)
        else:
            self.layers[layer_name] = Layer(module, ids, ids[:0])
        maker = self._makers.get(id(x))
        if maker is None or not maker.layer:
            self._add_call('add', '', x, result, ids)
            return
        self._note(result, ids)
        self._makers[id(result)] = maker
        if name == 'batch_norm':
            self.layers[maker.layer].norm = layer_name

    def _combine(self, tracked: list[Tensor], result: Tensor) -> None:
        """Tie the channels of two maps; a map of one channel serves all of another's."""
        maps = [(x, self._read(x)) for x in tracked]
        whole, ids = max(maps, key=lambda pair: len(pair[1]))
        for _, others in maps:
            if len(others) == len(ids):
                self.channels.tie(ids, others)
        if len(maps) == 1:
            self._pass_on('', whole, result)
        else:
            self._add_call('add', '', whole, result, ids)

    def _pass_on(self, name: str, x: Tensor, result: Tensor) -> None:
        ids = self._read(x)
        if name in ('max_pool2d', 'avg_pool2d'):
            self._add_call('pool', '', x, result, ids)
        elif name == 'interpolate':
            self._add_call('upsample', '', x, result, ids)
        else:
            maker = self._makers.get(id(x))
            self._note(result, ids)
            if maker is not None and name in _ACTIVATIONS:
                maker.act = _ACTIVATIONS[name]

    def _add_call(self, kind: str, layer: str, x: Tensor, result: Tensor, outputs: Ids) -> None:
        sizes = [tuple(map(int, y.shape[:1:-1])) for y in (x, result)]  # (width, height)
        call = Call(kind, layer, self._read(x), outputs, *sizes, self._block)
        self.calls.append(call)
        self._note(result, outputs)
        self._makers[id(result)] = call

    def _begin_block(self, name: str, module: nn.Module, inputs: tuple) -> None:
        self._block = name

    def _end_block(self, name: str, module: nn.Module, inputs: tuple, output: Tensor) -> None:
        self._block = ''
        is_alike = inputs[0].shape == output.shape
        self._blocks_seen.append((name, self._read(inputs[0]), self._read(output), is_alike))

    def _note(self, x: Tensor, ids: Ids) -> None:
        self._maps[id(x)] = (x, ids)
        self._makers.pop(id(x), None)

    def _read(self, x: Tensor) -> Ids:
        if id(x) not in self._maps:
            raise ConfigError(
                f'channels must be known of every map, got one of shape {tuple(x.shape)} that no '
                'convolution made'
            )
        return self._maps[id(x)][1]


def _flatten(values: Iterable) -> list:
    """List values and those of lists and tuples among them."""
    flat = []
    for value in values:
        flat += list(value) if isinstance(value, list | tuple) else [value]
    return flat
