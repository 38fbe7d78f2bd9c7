"""Measuring how long operations and networks take on this device."""

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
import torch
from mmcv.cnn import build_activation_layer
from scipy.stats import kendalltau
from torch import Tensor, nn

from posenas.deploy.parts import open_network, open_parts
from posenas.genotype import Genotype, derive_model
from posenas.models import ContextBlock, SqueezeExcitation
from posenas.models.fused import fuse
from posenas.models.layers.deconv import build_deconv_layers
from posenas.models.layers.edge.last_layers import CoordinateProduct
from posenas.registry import MODELS
from posenas.search.costs import CostContext
from posenas.search.latency.table import LatencyTable, fit_table
from posenas.search.operation import Operation, list_operations
from posenas.search.space import SearchSpace
from posenas.utils.randomness import Stream, make_generator
from posenas.utils.timing import choose_clock

#: Random networks whose operations a table holds: so many that none of the space is left out.
_NUM_COLLECTED = 3000
#: Share of the runs that are faster than what is taken for the time: others are disturbed.
_QUANTILE = 0.25
#: Relative distance in MACs within which networks are hard to tell apart.
_BAND = 0.2


@dataclass(frozen=True)
class Assessment:
    """How well a table predicts networks it was not fitted to.

    Attributes:
        tau: Kendall's rank correlation of predicted and measured times.
        mean_error: Mean relative error.
        worst_error: Largest relative error.
        band_tau: Rank correlation over pairs of networks whose MACs differ by at most 20 %.
        macs_tau: Rank correlation of MACs and measured times.
        retest_tau: Rank correlation of two measurements of the same networks.
    """

    tau: float
    mean_error: float
    worst_error: float
    band_tau: float
    macs_tau: float
    retest_tau: float


def draw_genotypes(space: SearchSpace, number: int, seed: int) -> list[Genotype]:
    """Draw random networks; those of one seed are a function of their place."""
    return [
        space.to_genotype(space.sample(make_generator(Stream.LATENCY, seed, i)))
        for i in range(number)
    ]


def measure_operations(
    space: SearchSpace, context: CostContext, num_rounds: int, engine: str = 'torch'
) -> LatencyTable:
    """Time every operation of a space, in rounds through all of them.

    Args:
        space: The space.
        context: Input size and keypoints.
        num_rounds: Runs of each operation.
        engine: 'torch', or an inference engine.
    """
    operations = dict.fromkeys(
        operation
        for genotype in draw_genotypes(space, _NUM_COLLECTED, seed=0)
        for operation in list_operations(genotype, context)
    )
    with TemporaryDirectory() as folder:
        pairs = [make_operation(operation) for operation in operations]
        if engine == 'torch':
            calls = [partial(module, x) for module, x in pairs]
        else:
            modules, inputs = zip(*pairs, strict=True)
            calls = open_parts(modules, inputs, folder, engine, torch.get_num_threads())
        times = time_together(calls, num_rounds, clock=_choose_clock(engine))
    found = dict(zip(operations, settle(times).tolist(), strict=True))
    runs_in = 'eager' if engine == 'torch' else f'{engine} {version(engine)},'
    device = (
        f'{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, '
        f'{runs_in} float32, batch 1, fused form; {num_rounds} rounds'
    )
    table = LatencyTable(device, context, found, {}, engine)
    return fit_table(table, [], [])


def _choose_clock(engine: str) -> Callable[[], float] | None:
    """Return what tells the time of an engine: with one thread, processor time of the process."""
    if engine == 'torch':
        return None
    return process_time if torch.get_num_threads() == 1 else perf_counter


def measure_networks(
    genotypes: Sequence[Genotype],
    context: CostContext,
    num_rounds: int,
    engine: str = 'torch',
    decoder: Mapping | None = None,
) -> np.ndarray:
    """Time networks in fused form, in turn.

    Args:
        genotypes: Their architectures.
        context: Input size and keypoints.
        num_rounds: Measured runs of each.
        engine: 'torch', or an inference engine.
        decoder: Codec of the heads that need one to be built.

    Returns:
        Seconds (num_rounds, len(genotypes)).
    """
    width, height = context.input_size
    x = torch.randn(1, 3, height, width).to(memory_format=torch.channels_last)
    head = dict(out_channels=context.num_keypoints, decoder=decoder)
    model = dict(type='TopdownPoseEstimator', backbone={}, head=head)

    def make_call(genotype: Genotype, folder: str) -> Callable[[], object]:
        network = MODELS.build(deepcopy(derive_model(genotype, model))).eval()
        fuse(network)
        if engine == 'torch':
            return lambda: network(x)
        path = Path(folder) / f'{genotype.id}.onnx'
        return open_network(network, x, path, engine, torch.get_num_threads())

    with TemporaryDirectory() as folder:
        calls = [make_call(genotype, folder) for genotype in genotypes]
        return time_together(calls, num_rounds, clock=_choose_clock(engine))


def settle(times: np.ndarray) -> np.ndarray:
    """Reduce runs (rounds, N) to times (N,), seconds: the lower quartile, as noise only adds."""
    return np.quantile(times, _QUANTILE, axis=0)


def assess(table: LatencyTable, genotypes: Sequence[Genotype], times: np.ndarray) -> Assessment:
    """Compare predictions with measured ``times`` (rounds, networks), seconds."""
    measured = settle(times)
    predicted = np.array([table.predict(genotype) for genotype in genotypes])
    lists = [list_operations(genotype, table.context) for genotype in genotypes]
    macs = np.array([sum(o.macs for o in operations) for operations in lists])
    errors = np.abs(predicted / measured - 1)
    halves = [settle(times[start::2]) for start in (0, 1)]
    near = np.abs(np.log(macs[:, None] / macs)) <= np.log1p(_BAND)
    return Assessment(
        tau=_rank(predicted, measured),
        mean_error=float(errors.mean()),
        worst_error=float(errors.max()),
        band_tau=_rank(predicted, measured, near),
        macs_tau=_rank(macs, measured),
        retest_tau=_rank(*halves),
    )


def _rank(first: np.ndarray, second: np.ndarray, pairs: np.ndarray | None = None) -> float:
    """Kendall's rank correlation, over all pairs or the chosen ones."""
    if pairs is None:
        return float(kendalltau(first, second).statistic)
    agree = np.sign(np.subtract.outer(first, first) * np.subtract.outer(second, second))
    chosen = np.triu(pairs, 1)
    return float(agree[chosen].mean()) if chosen.any() else float('nan')


class _Sum(nn.Module):
    """The sum of two maps that a residual block ends with; both are the input here."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + x``."""
        return x + x


def make_operation(operation: Operation) -> tuple[nn.Module, Tensor]:
    """Return one operation in fused form, and a random map of one image for it."""
    width, height = operation.size
    x = torch.randn(1, operation.in_channels, height, width).to(memory_format=torch.channels_last)
    if operation.kind == 'add':
        module = nn.Sequential(_Sum(), *_make_act(operation.act))
    elif operation.kind == 'context':
        module = nn.Sequential(ContextBlock(operation.in_channels))
    elif operation.kind == 'squeeze':
        module = nn.Sequential(SqueezeExcitation(operation.in_channels, operation.planes))
    elif operation.kind == 'pool':
        module = nn.Sequential(nn.MaxPool2d(operation.kernel, operation.stride, 1))
    elif operation.kind == 'upsample':
        module = nn.Sequential(nn.Upsample(scale_factor=2))
    elif operation.kind == 'shuffle':
        module = nn.Sequential(nn.PixelShuffle(2))
    elif operation.kind == 'simcc':
        module = nn.Sequential(CoordinateProduct(operation.size))
    elif operation.kind == 'deconv':
        settings = ([operation.out_channels], [operation.kernel], [operation.groups])
        module = build_deconv_layers(operation.in_channels, *settings)
    else:
        module = nn.Sequential(*_make_conv(operation))
    fuse(module.eval())
    return module, x


def _make_conv(operation: Operation) -> Iterable[nn.Module]:
    yield nn.Conv2d(
        operation.in_channels,
        operation.out_channels,
        operation.kernel,
        operation.stride,
        operation.kernel // 2,
        groups=operation.groups,
        bias=not operation.with_norm,
    )
    if operation.with_norm:
        yield nn.BatchNorm2d(operation.out_channels)
    yield from _make_act(operation.act)


def _make_act(kind: str) -> list[nn.Module]:
    return [build_activation_layer(dict(type=kind, inplace=True))] if kind else []


def time_together(
    calls: Sequence[Callable[[], object]],
    num_rounds: int,
    num_warmup: int = 2,
    clock: Callable[[], float] | None = None,
) -> np.ndarray:
    """Time several calls in turn, so that all of them meet the same moods of the machine.

    Args:
        calls: What to run.
        num_rounds: Measured runs of each.
        num_warmup: Runs of each before.
        clock: Tells the time, seconds; None takes :func:`~posenas.utils.timing.choose_clock`.

    Returns:
        Seconds (num_rounds, len(calls)).
    """
    clock = clock or choose_clock()
    times = np.zeros((num_rounds, len(calls)))
    with torch.inference_mode():
        for round_ in range(-num_warmup, num_rounds):
            for i, call in enumerate(calls):
                start = clock()
                call()
                if round_ >= 0:
                    times[round_, i] = clock() - start
    return times
