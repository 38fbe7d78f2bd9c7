"""What a network costs: parameters, multiply-accumulates, memory of activations, time.

Counted are the operations that really run, every call of them, so functional code and modules used
twice are right. The convention of published tables: a multiply-accumulate (MAC) of a convolution,
transposed convolution or linear layer counts one, a bias nothing. Everything works on the meta
device too, which computes nothing.
"""

import weakref
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import prod
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

_CONVOLUTIONS = (torch.ops.aten.convolution, torch.ops.aten._convolution)
_PRODUCTS = (torch.ops.aten.mm, torch.ops.aten.addmm)


@dataclass
class Operations:
    """Work of one forward pass.

    Attributes:
        macs: Multiply-accumulates of convolutions and linear layers.
        matmul: Multiply-accumulates of other matrix products, attention among them.
        elementwise: Numbers written by pointwise operations, such as ReLU and additions.
        interpolation: Numbers written by interpolation.
    """

    macs: int = 0
    matmul: int = 0
    elementwise: int = 0
    interpolation: int = 0

    def add(self, other: 'Operations') -> None:
        """Add ``other`` to this."""
        self.macs += other.macs
        self.matmul += other.matmul
        self.elementwise += other.elementwise
        self.interpolation += other.interpolation


@dataclass
class ModuleCost:
    """Cost of one module with everything below it.

    Attributes:
        name: Dotted path, '' for the whole model.
        type_name: Class.
        parameters: Elements of all parameters, those shared below it once.
        calls: How often the module ran.
        input_shape: Of the first tensor of the last call; None if it got none or never ran.
        output_shape: Likewise.
        operations: Over all calls.
    """

    name: str
    type_name: str
    parameters: int
    calls: int = 0
    input_shape: tuple[int, ...] | None = None
    output_shape: tuple[int, ...] | None = None
    operations: Operations = field(default_factory=Operations)

    @property
    def depth(self) -> int:
        """Steps below the model, which is at 0."""
        return self.name.count('.') + 1 if self.name else 0


@dataclass
class ModelCost:
    """Cost of one forward pass.

    Attributes:
        modules: All modules in the order of ``named_modules``, the model first.
        peak_memory: Largest number of bytes that intermediate results take at one time.
    """

    modules: list[ModuleCost]
    peak_memory: int

    @property
    def parameters(self) -> int:
        """Elements of all parameters."""
        return self.modules[0].parameters

    @property
    def operations(self) -> Operations:
        """Work of the whole model."""
        return self.modules[0].operations

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layers."""
        return self.operations.macs


def count_parameters(module: nn.Module) -> int:
    """Count the elements of all parameters, trained or frozen, shared ones once."""
    return sum(parameter.numel() for parameter in module.parameters())


def profile_model(model: nn.Module, *inputs: Tensor) -> ModelCost:
    """Count what ``model(*inputs)`` costs in evaluation mode, module by module.

    Args:
        model: Any module; its mode is restored afterwards.
        *inputs: Tensors on the device of the model, such as (B, 3, H, W).
    """
    costs = {
        name: ModuleCost(name, type(module).__name__, count_parameters(module))
        for name, module in model.named_modules()
    }
    with evaluation_mode(model), _Tracer(model, inputs, costs) as tracer:
        model(*inputs)
    for name, operations in tracer.own_operations.items():
        for above in _path_upwards(name):
            costs[above].operations.add(operations)
    return ModelCost(list(costs.values()), tracer.memory.peak)


def measure_latency(
    model: nn.Module,
    *inputs: Tensor,
    num_runs: int = 30,
    num_warmup: int = 10,
    num_threads: int | None = None,
) -> float:
    """Measure ``model(*inputs)`` in evaluation mode.

    Args:
        model: Any module; its mode is restored afterwards.
        *inputs: Tensors on the device of the model.
        num_runs: Measured calls.
        num_warmup: Calls before them.
        num_threads: Threads of one operation on the CPU while measuring; None leaves them.

    Returns:
        Median time of one call, seconds.
    """
    device = inputs[0].device
    threads = torch.get_num_threads()
    times = []
    torch.set_num_threads(num_threads or threads)
    try:
        with evaluation_mode(model):
            for _ in range(num_warmup + num_runs):
                _wait_for(device)
                start = perf_counter()
                model(*inputs)
                _wait_for(device)
                times.append(perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return median(times[num_warmup:])


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Hold the model in evaluation mode without gradients."""
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in training.items():
            module.training = mode


def _wait_for(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def _path_upwards(name: str) -> Iterator[str]:
    """Yield the name of a module and of all modules above it, the model ('') last."""
    while name:
        yield name
        name = name.rpartition('.')[0]
    yield ''


def find_shape(values: object) -> tuple[int, ...] | None:
    """Return the shape of the first tensor in nested ``values``, or None."""
    shapes = (tuple(leaf.shape) for leaf in tree_leaves(values) if isinstance(leaf, Tensor))
    return next(shapes, None)


class _Memory:
    """Bytes of the tensors alive that were made since the start.

    Args:
        given: Tensors that existed before; views of them take no memory.
    """

    def __init__(self, given: Iterable[Tensor]) -> None:
        self.peak = 0
        self._given = {tensor.untyped_storage()._cdata for tensor in given}
        self._live = 0
        self._users: dict[int, int] = defaultdict(int)

    def add(self, tensor: Tensor) -> None:
        """Count the storage of ``tensor`` until no tensor seen here uses it any more."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._given:
            return
        if not self._users[key]:
            self._live += size
            self.peak = max(self.peak, self._live)
        self._users[key] += 1
        weakref.finalize(tensor, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self._users[key] -= 1
        if not self._users[key]:
            self._live -= size


class _Tracer(TorchDispatchMode):
    """Credit every operation to the module that runs it."""

    def __init__(
        self, model: nn.Module, inputs: tuple[Tensor, ...], costs: dict[str, ModuleCost]
    ) -> None:
        super().__init__()
        self.own_operations: dict[str, Operations] = defaultdict(Operations)
        self.memory = _Memory((*model.parameters(), *model.buffers(), *inputs))
        self._costs = costs
        self._running: list[tuple[str, nn.Module]] = [('', model)]
        self._hooks = ExitStack()
        for name, module in model.named_modules():
            self._watch(name, module)

    def _watch(self, name: str, module: nn.Module) -> None:
        def enter(module: nn.Module, args: tuple, kwargs: dict) -> None:
            self._running.append((name, module))
            self._costs[name].calls += 1
            self._costs[name].input_shape = find_shape((args, kwargs))

        def leave(module: nn.Module, args: tuple, output: object) -> None:
            self._running.pop()
            self._costs[name].output_shape = find_shape(output)

        for handle in (
            module.register_forward_pre_hook(enter, with_kwargs=True),
            module.register_forward_hook(leave),
        ):
            self._hooks.callback(handle.remove)

    def __exit__(self, *exception: object) -> None:
        self._hooks.close()
        super().__exit__(*exception)

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401  (an operator overload)
        types: tuple,
        args: tuple = (),
        kwargs: dict | None = None,
    ) -> object:
        kwargs = kwargs or {}
        out = _call(func, args, kwargs)
        name, module = self._running[-1]
        is_linear = isinstance(module, nn.Linear)
        self.own_operations[name].add(_count(func, args, kwargs, out, is_linear))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self.memory.add(leaf)
        return out


def _call(
    func: Any,  # noqa: ANN401  (an operator overload)
    args: tuple,
    kwargs: dict,
) -> object:
    """Call an operator; normalising and rectifying data that are not there gives their shape.

    The meta device would take these formulas apart, in half of the time of a count.
    """
    x = args[0] if args else None
    if isinstance(x, Tensor) and x.is_meta:
        if func is torch.ops.aten.relu.default:
            return torch.empty_like(x)
        if func is torch.ops.aten.native_batch_norm.default and not args[5]:
            return torch.empty_like(x), x.new_empty(0), x.new_empty(0)
    return func(*args, **kwargs)


def _count(
    func: Any,  # noqa: ANN401  (an operator overload)
    args: tuple,
    kwargs: dict,
    out: object,
    is_linear: bool,
) -> Operations:
    """Count one call of an operator."""
    packet = func.overloadpacket
    if packet in _CONVOLUTIONS:
        x, weight, transposed = args[0], args[1], args[6]
        where = x if transposed else out
        positions = where.shape[0] * where.shape[2:].numel()
        return Operations(macs=positions * weight.numel())
    if packet in flop_registry:
        macs = flop_registry[packet](*args, **kwargs, out_val=out) // 2
        if is_linear and packet in _PRODUCTS:
            return Operations(macs=macs)
        return Operations(matmul=macs)
    if packet.__name__.startswith('upsample'):
        return Operations(interpolation=out.numel())
    if torch.Tag.pointwise in func.tags:
        return Operations(elementwise=_count_elements(out))
    return Operations()


def _count_elements(values: object) -> int:
    """Count the elements of the first tensor in nested ``values``; 0 without one."""
    shape = find_shape(values)
    return 0 if shape is None else prod(shape)
