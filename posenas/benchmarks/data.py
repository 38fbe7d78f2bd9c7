"""What preparing samples and reading annotations cost."""

import copy
import multiprocessing
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log

from posenas.apis.building import ConfigLike, build_dataset, load_checked
from posenas.datasets.base import BaseTopdownDataset
from posenas.datasets.transforms import TopdownAffine
from posenas.utils.errors import ConfigError, DataError
from posenas.utils.timing import use_threads

_MEMORY_MAP = Path('/proc/self/smaps_rollup')


@dataclass(frozen=True)
class SampleCost:
    """Processor time per sample on one thread, which other programs hardly disturb; medians.

    Attributes:
        num_samples: Samples prepared in each run.
        num_runs: Runs.
        sample_ms: A whole sample: read, decode, augment, crop, target, pack.
        bound_ms: The least any pipeline needs: read, decode and one warp of the same crop.
        ratio: ``sample_ms / bound_ms``, median of the runs' own ratios.
    """

    num_samples: int
    num_runs: int
    sample_ms: float
    bound_ms: float
    ratio: float


@dataclass(frozen=True)
class LoadingCost:
    """Cost of reading an annotation file.

    Attributes:
        num_persons: People in the dataset.
        seconds: Time from nothing to a dataset that can be indexed.
        worker_mb: Growth of a forked worker's private memory, 2^20 bytes, while it looks up every
            person; NaN where the system does not tell.
    """

    num_persons: int
    seconds: float
    worker_mb: float


@dataclass(frozen=True)
class DataCost:
    """Cost of a data set.

    Attributes:
        loading: Reading its annotations.
        samples: Preparing its samples; None where only annotations were read.
    """

    loading: LoadingCost
    samples: SampleCost | None


def _crops(
    dataset: BaseTopdownDataset, indices: Iterable[int]
) -> dict[int, tuple[str, tuple[int, int], np.ndarray]]:
    """Return path, input size (w, h) and matrix (2, 3) of the samples that can be read, by index.

    Raises:
        ConfigError: The pipeline crops nothing.
        DataError: No sample can be read.
    """
    kinds = [type(step) for step in dataset.pipeline]
    if TopdownAffine not in kinds:
        raise ConfigError('the pipeline must have TopdownAffine, or there is no crop to compare')
    until_crop = copy.copy(dataset)
    until_crop.pipeline = dataset.pipeline[: kinds.index(TopdownAffine) + 1]
    until_crop.bad_sample_policy = 'fail'
    found, bad = {}, []
    for index in indices:
        try:
            sample = until_crop[index]
        except DataError as error:
            bad.append(error)
        else:
            found[index] = sample['img_path'], sample['input_size'], sample['warp_mat']
    if not found:
        raise DataError(f'at least one of {len(bad)} samples must be readable: {bad[0]}')
    if bad:
        print_log(f'left out {len(bad)} samples that could not be read', 'current', 30)
    return found


def _prepare_bound(path: str, size: tuple[int, int], warp_mat: np.ndarray) -> np.ndarray:
    with open(path, 'rb') as file:
        content = file.read()
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return cv2.warpAffine(image, warp_mat, size, flags=cv2.INTER_LINEAR)


def measure_samples(
    dataset: BaseTopdownDataset,
    num_samples: int = 200,
    num_runs: int = 5,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> SampleCost:
    """Compare the pipeline with its bound, sample by sample in turn, on one thread.

    Args:
        dataset: Readable samples with a pipeline that crops by :class:`TopdownAffine`.
        num_samples: Samples per run, spread evenly over the dataset.
        num_runs: Runs after one that fills the caches.
        progress: Wraps the runs to show where they are.

    Raises:
        ConfigError: The pipeline crops nothing.
    """
    count = min(num_samples, len(dataset))
    indices = np.linspace(0, len(dataset) - 1, count).astype(int).tolist()
    totals = []
    with use_threads(1):
        crops = _crops(dataset, indices)
        for _ in progress(range(num_runs + 1)):
            bound = full = 0.0
            for index, crop in crops.items():
                start = time.thread_time()
                _prepare_bound(*crop)
                middle = time.thread_time()
                dataset[index]
                full += time.thread_time() - middle
                bound += middle - start
            totals.append((full, bound))
    runs, count = totals[1:], len(crops)
    return SampleCost(
        num_samples=count,
        num_runs=num_runs,
        sample_ms=median(full for full, _ in runs) / count * 1e3,
        bound_ms=median(bound for _, bound in runs) / count * 1e3,
        ratio=median(full / bound for full, bound in runs),
    )


def _private_mb() -> float:
    lines = _MEMORY_MAP.read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith('Private_')) / 1024


def _look_up_all(dataset: BaseTopdownDataset, pipe: Connection) -> None:
    before = _private_mb()
    for index in range(len(dataset)):
        dataset.get_data_info(index)
    pipe.send(_private_mb() - before)


def _worker_growth(dataset: BaseTopdownDataset) -> float:
    """Return the growth of a forked worker in 2^20 bytes, NaN where it cannot be told."""
    if not _MEMORY_MAP.exists():
        return float('nan')
    context = multiprocessing.get_context('fork')
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_look_up_all, args=(dataset, sender))
    worker.start()
    sender.close()
    growth = receiver.recv()
    worker.join()
    return growth


def measure_loading(build: Callable[[], Any]) -> tuple[BaseTopdownDataset, LoadingCost]:
    """Time ``build``, which makes a dataset, and weigh what a worker copies of it.

    Returns:
        The dataset and the cost.
    """
    start = time.perf_counter()
    dataset = build()
    dataset.full_init()
    seconds = time.perf_counter() - start
    return dataset, LoadingCost(len(dataset), seconds, _worker_growth(dataset))


def benchmark_data(
    config: ConfigLike,
    split: str = 'train',
    num_samples: int = 200,
    num_runs: int = 5,
    annotations_only: bool = False,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> DataCost:
    """Time the data set of a config on one thread.

    Args:
        config: Config of an experiment.
        split: 'train', 'val' or 'test'.
        num_samples: As in :func:`measure_samples`.
        num_runs: Likewise.
        annotations_only: Whether samples are not prepared.
        progress: As in :func:`measure_samples`.

    Raises:
        ConfigError: The config has no such data, or its pipeline crops nothing.
        DataError: The annotations cannot be read.
    """
    cfg = load_checked(config)
    build_dataset(cfg, split, lazy_init=True)  # imports what reading then finds
    dataset, loading = measure_loading(lambda: build_dataset(cfg, split, lazy_init=True))
    if annotations_only:
        return DataCost(loading, None)
    return DataCost(loading, measure_samples(dataset, num_samples, num_runs, progress))
