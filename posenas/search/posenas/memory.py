"""How much memory a search will take, known before it starts.

The steps of one iteration are run on the meta device, which computes nothing, while every storage
that lives is counted: activations that wait for the backward pass, gradients, temporaries. What an
allocator keeps of freed memory comes on top; that of glibc may hold 40 % more.
"""

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from posenas.registry import MODELS
from posenas.search.gradient import second_order, sgd_steps
from posenas.utils import ConfigError

#: Settings of a supernet's backbone that save memory, from the most faithful search on.
MODES = (
    {},
    dict(with_cp=True),
    dict(partial_k=2),
    dict(partial_k=4),
    dict(partial_k=4, with_cp=True),
    dict(relax='gumbel', partial_k=1),
    dict(relax='gumbel', partial_k=1, with_cp=True),
)
#: Numbers that Adam keeps for each parameter.
_ADAM_STATES = 2


class StorageCounter(TorchDispatchMode):
    """Count the bytes of all storages made while it is on, until each one dies.

    Args:
        given: Tensors that existed before; their storages do not count.

    Attributes:
        live: Bytes alive now.
        peak: Most bytes alive at one time.
    """

    def __init__(self, given: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in given}

    def __torch_dispatch__(
        self, func: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._add(leaf)
        return out

    def _add(self, tensor: Tensor) -> None:
        # the storage, not the tensor: autograd keeps storages alive through tensors of its own
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


@dataclass(frozen=True)
class MemoryForecast:
    """Bytes that training a supernet takes at its peak.

    Attributes:
        weights: Parameters and buffers.
        optimizer: State of Adam.
        steps: Gradients, activations and temporaries of one iteration.
    """

    weights: int
    optimizer: int
    steps: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.optimizer + self.steps


def forecast_memory(
    backbone: Mapping,
    head: Mapping,
    input_size: Sequence[int],
    batch_size: int,
    strategy: str = 'first_order',
) -> MemoryForecast:
    """Predict what training a supernet takes.

    Single-path relaxations are predicted for paths of the last candidate of every edge.

    Args:
        backbone: Config of the supernet's backbone.
        head: Config of the head.
        input_size: (width, height) of the images.
        batch_size: Images of one step.
        strategy: 'second_order' keeps the graph of a first gradient; others hold one pass.
    """
    width, height = input_size
    with torch.device('meta'):
        network = nn.Sequential(
            MODELS.build(deepcopy(dict(backbone))), MODELS.build(deepcopy(dict(head)))
        )
        images = torch.empty(batch_size, 3, height, width)
    resident = [*network.parameters(), *network.buffers(), images]
    parameters = sum(_bytes(parameter) for parameter in network.parameters())
    with StorageCounter(resident) as counter:
        if strategy == 'second_order':
            _differentiate_twice(network, images)
        _loss(network(images)).backward()
    weights = parameters + sum(_bytes(buffer) for buffer in network.buffers())
    return MemoryForecast(weights, _ADAM_STATES * parameters, counter.peak + _bytes(images))


def propose_mode(
    backbone: Mapping, limit: int, forecast: Callable[[Mapping], MemoryForecast]
) -> tuple[dict, MemoryForecast]:
    """Find the most faithful mode of a search that fits into memory.

    Args:
        backbone: Config of the supernet's backbone.
        limit: Bytes there are.
        forecast: Predicts what a config of the backbone takes.

    Returns:
        Settings to change, and what the search then takes.

    Raises:
        ConfigError: None fits.
    """
    least = None
    for mode in MODES:
        found = forecast(dict(backbone, **mode))
        if found.total <= limit:
            return mode, found
        least = found.total if least is None else min(least, found.total)
    raise ConfigError(
        f'a search must fit into {limit / 2**30:.2f} GiB, but the smallest mode takes '
        f'{least / 2**30:.2f} GiB: reduce batch_size, init_channels or layers'
    )


def _loss(stages: Sequence[Tensor]) -> Tensor:
    return sum(stage.square().mean() for stage in stages)


def _differentiate_twice(network: nn.Module, images: Tensor) -> None:
    """Run an exact step of second order."""
    arch = {name: p for name, p in network.named_parameters() if '.arch.' in name}
    weights = {name: p for name, p in network.named_parameters() if name not in arch}

    def loss(weights: Mapping[str, Tensor], arch: Mapping[str, Tensor]) -> Tensor:
        return _loss(functional_call(network, {**weights, **arch}, images))

    second_order(loss, loss, weights, arch, sgd_steps(0.001))


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
