"""Times of networks of a search space, predicted from those of their operations."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log

from posenas.apis.building import ConfigLike, build_space, find_input_size, load_checked
from posenas.apis.genotypes import GenotypeLike, read_genotype
from posenas.runtime import ENGINES
from posenas.search import CostContext, LatencyTable, PrunedModelSupernet, SearchSpace
from posenas.search.latency.measure import (
    Assessment,
    assess,
    draw_genotypes,
    measure_networks,
    measure_operations,
    settle,
)
from posenas.search.latency.table import NOT_FITTED, fit_table
from posenas.utils import ConfigError, check_choice, check_positive
from posenas.utils.timing import use_threads

#: Rank correlation that two measurements of the same networks must have to judge a prediction.
_LEAST_RETEST = 0.95
#: Times that networks are measured, before measurements that differ are refused.
_MOST_MEASUREMENTS = 3
#: Seeds of the networks that are fitted to and of those that are predicted.
_FIT_SEED, _TEST_SEED = 1, 2


def build_latency_table(
    config: ConfigLike,
    out: str | Path,
    num_rounds: int = 20,
    num_threads: int = 1,
    engine: str = 'torch',
) -> LatencyTable:
    """Time every operation of a search space on this device, one image, and write the table.

    Args:
        config: Config of a supernet, with ``model.space``.
        out: File of the table.
        num_rounds: Runs of each operation.
        num_threads: Threads of one operation.
        engine: What will run the networks: 'torch', 'onnxruntime' or 'openvino'.

    Raises:
        ConfigError: The config is of no such supernet.
        ImportError: The engine is not installed.
    """
    check_choice('engine', engine, ('torch', *ENGINES))
    _check_numbers(num_rounds=num_rounds, num_threads=num_threads)
    space, context = _read_config(load_checked(config))
    with use_threads(num_threads):
        table = measure_operations(space, context, num_rounds, engine)
    table.save(out)
    return table


def fit_latency_table(
    config: ConfigLike,
    file: str | Path,
    num_rounds: int = 40,
    num_threads: int = 1,
    num_fit: int = 60,
    num_test: int = 50,
    engine: str | None = None,
) -> Assessment:
    """Time random networks, fit how times of operations add up in them, and judge the result.

    They run in the engine that the table was built with. Where two halves of the runs order the
    networks differently, all run again, twice at most.

    Args:
        config: Config of a supernet, with ``model.space``.
        file: Latency table of its space; the fitted one replaces it.
        num_rounds: Runs of each network.
        num_threads: Threads of one operation.
        num_fit: Networks that the table is fitted to.
        num_test: Other networks, whose times it predicts.
        engine: That of the table, if anything.

    Returns:
        How well it predicts networks that it was not fitted to.

    Raises:
        ConfigError: The table is of another space, or two measurements of the same networks differ
            too much to judge anything; the table stays as it was.
        DataError: The file is no latency table.
    """
    numbers = dict(num_rounds=num_rounds, num_threads=num_threads)
    _check_numbers(**numbers, num_fit=num_fit, num_test=num_test)
    cfg = load_checked(config)
    space, context = _read_config(cfg)
    table = LatencyTable.load(file)
    if table.context != context:
        raise ConfigError(
            f'the table must be for {context}, got one for {table.context}: build it with this '
            'config'
        )
    if engine not in (None, table.engine):
        raise ConfigError(
            f'the table must be for engine {engine!r}, got {table.engine!r}: build it with --engine'
        )
    fitted = draw_genotypes(space, num_fit, _FIT_SEED)
    unseen = draw_genotypes(space, num_test, _TEST_SEED)
    networks, decoder = [*fitted, *unseen], cfg.model.head.decoder
    times = np.zeros((0, num_fit + num_test))
    for _ in range(_MOST_MEASUREMENTS):
        with use_threads(num_threads):
            more = measure_networks(networks, context, num_rounds, table.engine, decoder)
        times = np.concatenate([times, more])
        table = fit_table(table, fitted, settle(times[:, :num_fit]))
        found = assess(table, unseen, times[:, num_fit:])
        if found.retest_tau >= _LEAST_RETEST:
            break
    else:
        raise ConfigError(
            f'two measurements of the same networks must agree, rank correlation {_LEAST_RETEST} '
            f'or more, got {found.retest_tau:.3f}: stop other programs, or measure more --rounds; '
            'the table is unchanged'
        )
    table.save(file)
    return found


def predict_latencies(file: str | Path, sources: Sequence[GenotypeLike]) -> list[float]:
    """Predict the times of networks by a latency table; one that is not fitted is announced.

    Args:
        file: The table.
        sources: Their architectures, as in :func:`posenas.apis.read_genotype`.

    Returns:
        Seconds of one forward pass of one image, one for each source.

    Raises:
        DataError: A file cannot be read, or an operation was not measured.
    """
    table = LatencyTable.load(file)
    if not table.is_fitted:
        print_log(f'{file}: {NOT_FITTED}', logger='current', level=logging.WARNING)
    return [table.predict(read_genotype(source)) for source in sources]


def _check_numbers(**numbers: int) -> None:
    for name, value in numbers.items():
        check_positive(name, value)


def _read_config(cfg: Config) -> tuple[SearchSpace, CostContext]:
    """Find space, input size and keypoints in the config of a supernet."""
    model = cfg.get('model') or {}
    if 'space' not in model and model.get('type') != PrunedModelSupernet.__name__:
        raise ConfigError(f'{cfg.filename} must be the config of a supernet, with model.space')
    context = CostContext(find_input_size(cfg), cfg.model.head.out_channels)
    return build_space(cfg), context
