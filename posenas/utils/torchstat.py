"""The table of torchstat, whose figures older papers and repositories publish.

Its rules are kept, also where they mislead: only leaf modules are seen, each counts its last call,
functional operations count nothing, enlarging counts positions and not channels. ``profiling.py``
counts what really runs.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from math import ceil, floor, prod
from time import perf_counter

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from posenas.utils.profiling import count_parameters, evaluation_mode, find_shape

#: Headers as torchstat spells them.
TORCHSTAT_COLUMNS = (
    'module name',
    'input shape',
    'output_shape',
    'parameters',
    'infer memory(MB)',
    'MAdd',
    'Flops',
    'MemRead(B)',
    'MemWrite(B)',
    'duration',
)

Shape = tuple[int, ...]

_RELUS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU)
_POOLS = (nn.MaxPool2d, nn.AvgPool2d)
#: Bytes of one number.
_FLOAT = 4


@dataclass
class LeafStat:
    """One leaf module; all zero if it never ran.

    Attributes:
        name: Dotted path.
        input_shape: Of the first tensor of the last call; empty if it never ran.
        output_shape: Likewise.
        parameters: Elements of its own parameters.
        memory: Megabytes (2^20) of the output.
        madd: Multiplications and additions.
        flops: What torchstat calls so: multiply-accumulates of convolutions, with bias.
        mem_read: Bytes read.
        mem_write: Bytes written.
        duration: Seconds of the last call.
    """

    name: str
    input_shape: Shape = ()
    output_shape: Shape = ()
    parameters: int = 0
    memory: float = 0.0
    madd: int = 0
    flops: int = 0
    mem_read: int = 0
    mem_write: int = 0
    duration: float = 0.0


def profile_leaves(model: nn.Module, *inputs: Tensor) -> list[LeafStat]:
    """Run ``model(*inputs)`` once in evaluation mode and measure its leaf modules.

    Modules that did not run count nothing; they are listed only if they hold parameters.
    """
    stats = {}
    with evaluation_mode(model), ExitStack() as hooks:
        for name, module in model.named_modules():
            if name and not any(True for _ in module.children()):
                stats[module] = LeafStat(name)
                _watch(module, stats[module], hooks)
        model(*inputs)
    return [s for module, s in stats.items() if s.input_shape or count_parameters(module)]


def _watch(module: nn.Module, stat: LeafStat, hooks: ExitStack) -> None:
    """Measure every call of a module; the last one stays."""
    start = 0.0

    def enter(module: nn.Module, args: tuple, kwargs: dict) -> None:
        nonlocal start
        start = perf_counter()

    def leave(module: nn.Module, args: tuple, kwargs: dict, output: object) -> None:
        stat.duration = perf_counter() - start
        source, target = find_shape((args, kwargs)), find_shape(output)
        if source is not None and target is not None:
            _measure(module, source, target, stat)

    for handle in (
        module.register_forward_pre_hook(enter, with_kwargs=True),
        module.register_forward_hook(leave, with_kwargs=True),
    ):
        hooks.callback(handle.remove)


def _measure(module: nn.Module, source: Shape, target: Shape, stat: LeafStat) -> None:
    """Fill in what follows from the shapes of input and output."""
    stat.input_shape, stat.output_shape = source, target
    stat.parameters = count_parameters(module)
    stat.memory = prod(target) * _FLOAT / 2**20
    stat.mem_read, stat.mem_write = _count_traffic(module, source, target)
    if _is_kernel_bank(module):
        stat.madd, stat.flops = _count_kernel(module.weight[0], False, target)
        return
    for kinds, count in _RULES:
        if isinstance(module, kinds):
            stat.madd, stat.flops = count(module, source, target)
            return


def _is_kernel_bank(module: nn.Module) -> bool:
    """Tell whether a module mixes its kernels (K, O, I / groups, k, k) to one per image."""
    weight = getattr(module, 'weight', None)
    return isinstance(weight, Tensor) and weight.ndim == 5 and not isinstance(module, _ConvNd)


def _count_conv(module: nn.Module, source: Shape, target: Shape) -> tuple[int, int]:
    if isinstance(module, _ConvTransposeNd):
        return 0, 0  # torchstat does not know it
    return _count_kernel(module.weight, module.bias is not None, target)


def _count_kernel(kernel: Tensor, bias: bool, target: Shape) -> tuple[int, int]:
    outputs, terms = prod(target), kernel[0].numel()
    return outputs * (2 * terms - 1 + bias), outputs * (terms + bias)


def _count_pool(module: nn.Module, source: Shape, target: Shape) -> tuple[int, int]:
    kernel = module.kernel_size
    cells = prod(kernel) if isinstance(kernel, tuple) else kernel**2
    additions = cells - 1 if isinstance(module, nn.MaxPool2d) else cells
    return additions * prod(target), cells * prod(target)


def _count_adaptive_pool(module: nn.Module, source: Shape, target: Shape) -> tuple[int, int]:
    heights, widths = (_cell_lengths(source[axis], target[axis]) for axis in (-2, -1))
    cells = sum((height + 1) * (width + 1) for height, width in product(heights, widths))
    return 0, cells * prod(target[:-2])


def _cell_lengths(length: int, parts: int) -> list[int]:
    """Lengths of the ``parts`` overlapping cells into which adaptive pooling cuts ``length``."""
    return [ceil((i + 1) * length / parts) - floor(i * length / parts) for i in range(parts)]


def _count_linear(module: nn.Module, source: Shape, target: Shape) -> tuple[int, int]:
    return prod(target) * (2 * source[-1] - 1), prod(target) * source[-1]


#: Classes -> (MAdd, Flops) from module and shapes of input and output; others count 0.
_RULES: tuple[tuple[tuple[type, ...], Callable[[nn.Module, Shape, Shape], tuple[int, int]]], ...]
_RULES = (
    ((_ConvNd,), _count_conv),
    ((_BatchNorm,), lambda module, source, target: (4 * prod(source), 2 * prod(source))),
    (_RELUS, lambda module, source, target: (prod(source), prod(source))),
    (_POOLS, _count_pool),
    ((nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d), _count_adaptive_pool),
    ((nn.Softmax,), lambda module, source, target: (3 * prod(source) - 1, 0)),
    ((nn.Upsample,), lambda module, source, target: (0, prod(target) // target[1])),
    ((nn.Linear,), _count_linear),
)


def _count_traffic(module: nn.Module, source: Shape, target: Shape) -> tuple[int, int]:
    """Bytes read and written."""
    if isinstance(module, _ConvTransposeNd):
        return 0, 0
    if isinstance(module, (_ConvNd, nn.Linear)) or _is_kernel_bank(module):
        extra = count_parameters(module)
    elif isinstance(module, _BatchNorm):
        extra = 2 * module.num_features
    elif isinstance(module, (*_RELUS, *_POOLS)):
        extra = 0
    else:
        return 0, 0
    return _FLOAT * (prod(source) + extra), _FLOAT * prod(target)


def format_torchstat(stats: list[LeafStat]) -> list[tuple[str, ...]]:
    """Format the rows and, last, the total; cells in the order of TORCHSTAT_COLUMNS."""
    total = LeafStat('Model')
    for key in ('parameters', 'memory', 'madd', 'flops', 'mem_read', 'mem_write', 'duration'):
        setattr(total, key, sum(getattr(stat, key) for stat in stats))
    return [_format_row(stat) for stat in (*stats, total)]


def _format_row(stat: LeafStat) -> tuple[str, ...]:
    return (
        stat.name,
        ' '.join(map(str, stat.input_shape[1:])),
        ' '.join(map(str, stat.output_shape[1:])),
        _shorten(stat.parameters, 1000),
        f'{stat.memory:.2f}',
        f'{stat.madd:,}',
        _shorten(stat.flops, 1024),
        f'{stat.mem_read:,}',
        f'{stat.mem_write:,}',
        f'{stat.duration:.4f}',
    )


def _shorten(number: int, base: int) -> str:
    """Write ``number`` with two decimals and K, M or G for the powers of ``base``."""
    for power, suffix in ((3, 'G'), (2, 'M'), (1, 'K')):
        if number >= base**power:
            return f'{round(number / base**power, 2):g}{suffix}'
    return str(number)
