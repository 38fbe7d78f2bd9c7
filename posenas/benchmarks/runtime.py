"""Networks in PyTorch and in inference engines, forward and end to end, in turn."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TypeVar

import numpy as np
import torch

from posenas.benchmarks.runtime_forms import Form, check_name, export_network, list_forms
from posenas.runtime.engines import is_exported
from posenas.utils import ConfigError
from posenas.utils.timing import take_turns, use_threads

T = TypeVar('T')


@dataclass(frozen=True)
class RuntimeCost:
    """Times per image of one network in one form; all forms of all networks take turns.

    A network for videos sees people in the frames of a period, who move on by a heatmap pixel and a
    half, and times are the mean of the frames.

    Attributes:
        network: Name of the network.
        form: Engine and precision, such as 'openvino f32'.
        task: 'forward', 'end to end' (photo and boxes in, keypoints out; for detectors photo in,
            boxes out) or 'end to end, flip'.
        threads: Threads of one call.
        batch: Images, or people, of a call.
        median_ms: Median of the rounds.
        p95_ms: Their 95th percentile.
        ratio: Time of the network's first form for this number of images / time of this one,
            median of the rounds' own ratios.
        cost: Time of this one / time of the first network in the same form, likewise; None where
            that has no such form.
        single_rate: Images per second, relative to the same form image by image, likewise; None
            where that is not timed.
        memory_mb: Memory that the process gains by the network and its first call; what several
            forms share counts for the first of them.
        file_mb: Size of the file; 0 for PyTorch.
        difference: Largest difference of outputs from PyTorch, relative to their range; 0 where it
            is not known.
        distance: Largest distance of a keypoint from that of PyTorch, pixels of the crop, likewise.
    """

    network: str
    form: str
    task: str
    threads: int
    batch: int
    median_ms: float
    p95_ms: float
    ratio: float
    cost: float | None
    single_rate: float | None
    memory_mb: float
    file_mb: float
    difference: float = 0.0
    distance: float = 0.0


def benchmark_runtime(
    names: Sequence[str | Path],
    threads: int = 1,
    batches: Sequence[int] = (1,),
    num_rounds: int = 20,
    with_compile: bool = False,
    end_to_end: bool = True,
    progress: Callable[[Sequence[T], str], Iterable[T]] = lambda steps, label: steps,
) -> list[RuntimeCost]:
    """Time networks in every form, all in turn.

    Args:
        names: Configs or names of networks, which get random weights and are exported, or exported
            files, which are timed in engines only.
        threads: Threads of one call.
        batches: Images of a call, each of these numbers in turn.
        num_rounds: Rounds.
        with_compile: Whether ``torch.compile`` is a form, which takes minutes and a compiler.
        end_to_end: Whether finding people in a photo is timed besides the forward pass.
        progress: Wraps the steps of a stage and takes its label, to show where the benchmark is.

    Raises:
        ConfigError: A name is unknown, a network cannot be exported, or none can be compiled.
        DataError: A file was not written by ``posenas export``.
    """
    if with_compile and all(map(is_exported, names)):
        raise ConfigError(
            '--compile needs a config, got exported files only: PyTorch cannot compile them'
        )
    for name in names:  # before minutes of work for those before it
        check_name(name)
    titles = [Path(name).stem for name in names]
    if len(set(titles)) < len(titles):
        titles = [str(name) for name in names]
    with TemporaryDirectory() as folder, use_threads(threads):
        forms = [
            form
            for i in progress(range(len(names)), 'preparing networks')
            for source in [export_network(names[i], titles[i], Path(folder))]
            for batch in batches
            for form in list_forms(source, threads, batch, with_compile)
        ]
        tasks = list(dict.fromkeys(task for form in forms for task in form.tasks))
        return [
            cost
            for task in progress(tasks if end_to_end else ['forward'], 'timing tasks')
            for cost in _measure([f for f in forms if task in f.tasks], task, threads, num_rounds)
        ]


def _measure(
    forms: Sequence[Form], task: str, threads: int, num_rounds: int
) -> Iterator[RuntimeCost]:
    """Time one task in all forms, for all numbers of images."""
    clock = process_time if threads == 1 else perf_counter
    with torch.inference_mode():
        calls = [form.tasks[task] for form in forms]
        seconds = np.array(take_turns(calls, num_rounds, clock))  # (rounds, forms)
    images = np.array([form.batch * form.num_frames for form in forms])
    rounds = 1e3 / images * seconds

    def compare(i: int, **same: object) -> float | None:
        """Return time of the first form with these attributes / that of form i, or None."""
        for k, form in enumerate(forms):
            if all(getattr(form, key) == value for key, value in same.items()):
                return float(np.median(rounds[:, k] / rounds[:, i]))
        return None

    for i, form in enumerate(forms):
        first = compare(i, network=forms[0].network, name=form.name, batch=form.batch)
        yield RuntimeCost(
            form.network,
            form.name,
            task,
            threads,
            form.batch,
            float(np.median(rounds[:, i])),
            float(np.quantile(rounds[:, i], 0.95)),
            compare(i, network=form.network, batch=form.batch),
            first and 1 / first,
            compare(i, network=form.network, name=form.name, batch=1),
            form.memory_mb,
            form.file_mb,
            form.difference,
            form.distance,
        )
