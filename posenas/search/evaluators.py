"""What an architecture is worth: a pure function of its id, the evaluator and a seed."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor, nn

from posenas.registry import TASK_UTILS
from posenas.search.archive import Record, digest
from posenas.search.space import Arch, SearchSpace
from posenas.utils import ConfigError, DataError, PoseNASError, check_positive
from posenas.utils.files import read_json
from posenas.utils.profiling import evaluation_mode

if TYPE_CHECKING:
    from posenas.search.algorithms import Candidate


class EvaluationError(PoseNASError, RuntimeError):
    """One architecture could not be evaluated, through no fault of the others."""


@dataclass(frozen=True)
class Bench:
    """A supernet and what it is measured on; each process has all the images.

    Attributes:
        model: The supernet, with the weights to be shared.
        calibration: Batches of training images without augmentation, the same on every pass.
        validation: Batches of the search's own images, likewise.
        metrics: Score the predictions for them.
        description: Settings of images and metrics, as text.
    """

    model: nn.Module
    calibration: Sequence[Mapping]
    validation: Sequence[Mapping]
    metrics: Sequence[BaseMetric]
    description: str


class Evaluator(ABC):
    """Scores architectures of one space.

    Args:
        space: Their space, or its config.
    """

    def __init__(self, space: SearchSpace | Mapping) -> None:
        self.space = TASK_UTILS.build(dict(space)) if isinstance(space, Mapping) else space

    def start(self, make_bench: Callable[[], Bench]) -> None:  # noqa: B027
        """Get ready; those that measure a supernet take it from ``make_bench()``."""

    def calibrate(self, arch: Arch) -> dict[str, Tensor]:
        """Return what a supernet's ``extract`` must be told to cut ``arch`` out; {} if nothing."""
        return {}

    @property
    def num_rungs(self) -> int:
        """Lengths of training, each of which continues the one before; one by default."""
        return 1

    def finish(self, work_dir: Path) -> None:  # noqa: B027
        """Remove what only an unfinished search needs; nothing by default."""

    def evaluate_rung(self, arch: Arch, seed: int, work_dir: Path, rung: int) -> dict[str, float]:
        """Score ``arch`` after the training of a rung; see :meth:`evaluate`."""
        if self.num_rungs > 1:
            raise NotImplementedError(f'{type(self).__name__} must evaluate its rungs')
        return self.evaluate(arch, seed, work_dir)

    @abstractmethod
    def fingerprint(self) -> str:
        """Say everything that scores depend on beside architecture and seed."""

    @abstractmethod
    def evaluate(self, arch: Arch, seed: int, work_dir: Path) -> dict[str, float]:
        """Score ``arch``.

        Args:
            arch: A point of the space.
            seed: Of everything random.
            work_dir: Folder for files of this search, shared by all architectures and processes.

        Returns:
            Metric -> finite value.

        Raises:
            EvaluationError: This architecture has no scores.
        """


@dataclass(frozen=True)
class Outcome:
    """What came of a candidate.

    Attributes:
        record: For the archive.
        seconds: How long it took.
        failure: Why it has no scores; None if it has.
    """

    record: Record
    seconds: float
    failure: str | None


def evaluate_candidate(
    evaluator: Evaluator, candidate: 'Candidate', generation: int, seed: int, work_dir: Path
) -> Outcome:
    """Evaluate an architecture, in any process: only ``seconds`` depend on which.

    Args:
        evaluator: Scores it.
        candidate: The architecture and its costs.
        generation: The generation it was proposed in.
        seed: Of everything random.
        work_dir: Folder for files of this search.
    """
    start = perf_counter()
    scores: dict[str, float] = {}
    failure, rung = None, candidate.rung
    given = candidate.arch, seed, work_dir
    try:
        scores = (
            evaluator.evaluate(*given) if rung is None else evaluator.evaluate_rung(*given, rung)
        )
        if not np.isfinite(list(scores.values())).all():
            failure = f'scores {scores}'
    except EvaluationError as error:
        failure = str(error)
    is_short = rung is not None and rung < evaluator.num_rungs - 1
    kind = 'short' if is_short else 'beyond' if candidate.is_beyond else 'ok'
    record = Record(
        trial=candidate.trial,
        generation=generation,
        parents=candidate.parents,
        id=candidate.genotype.id,
        arch=candidate.arch,
        scores={} if failure else scores,
        costs=candidate.costs,
        status='failed' if failure else kind,
        rung=rung,
    )
    return Outcome(record, perf_counter() - start, failure)


def _read_table(path: str | Path) -> dict[str, dict]:
    table = read_json(path)
    if not isinstance(table, dict) or not all(isinstance(row, dict) for row in table.values()):
        raise DataError(f'{path} must be a table: id of a genotype -> metric -> value')
    return table


@TASK_UTILS.register_module()
class TableEvaluator(Evaluator):
    """Looks scores up, for studies of algorithms on spaces that were evaluated in full.

    Args:
        space: Space of the architectures, or its config.
        table: Id of a genotype -> metric -> value, or a JSON file of that.

    Raises:
        DataError: The file is missing or no JSON.
    """

    def __init__(
        self,
        space: SearchSpace | Mapping,
        table: Mapping[str, Mapping[str, float]] | str | Path,
    ) -> None:
        super().__init__(space)
        if isinstance(table, str | Path):
            table = _read_table(table)
        self.table = {id_: dict(scores) for id_, scores in table.items()}

    def fingerprint(self) -> str:
        """Return a hash of the table."""
        return digest(json.dumps(self.table, sort_keys=True))

    def evaluate(self, arch: Arch, seed: int, work_dir: Path) -> dict[str, float]:
        """Look ``arch`` up.

        Raises:
            EvaluationError: The table does not have it.
        """
        id_ = self.space.to_genotype(arch).id
        if id_ not in self.table:
            raise EvaluationError(f'the table must have scores of every architecture: add {id_}')
        return dict(self.table[id_])


@TASK_UTILS.register_module()
class SupernetEvaluator(Evaluator):
    """Measures the part of a trained supernet that an architecture uses.

    Its running statistics belong to no architecture, so they are measured anew for each, as a
    plain average over batches of training images (Yu et al., BigNAS, ECCV 2020, section 3.2).

    Args:
        space: Space of the supernet, or its config.
        num_threads: Threads of each process; another number gives scores that differ by rounding.
        parent_images: Validation images, at most, on which outputs are compared with those of the
            largest architecture, without labels: the one score is ``distance``, the mean squared
            difference, relative to their variance. None scores predictions by the metrics.
    """

    def __init__(
        self,
        space: SearchSpace | Mapping,
        num_threads: int = 1,
        parent_images: int | None = None,
    ) -> None:
        super().__init__(space)
        check_positive('num_threads', num_threads)
        if parent_images is not None:
            check_positive('parent_images', parent_images)
        self.num_threads, self.parent_images = num_threads, parent_images
        self._wanted: Tensor | None = None
        self._bench: Bench | None = None
        self._weights = ''

    @property
    def bench(self) -> Bench:
        """The supernet and its images."""
        if self._bench is None:
            raise RuntimeError('a SupernetEvaluator must be started before it can evaluate')
        return self._bench

    def start(self, make_bench: Callable[[], Bench]) -> None:
        """Take the supernet with the weights that it has now.

        Raises:
            ConfigError: The model is no supernet.
        """
        self._bench, self._wanted = make_bench(), None
        if not hasattr(self.bench.model, 'set_arch'):
            raise ConfigError(
                f'model must be a supernet, with set_arch, got {type(self.bench.model).__name__}'
            )
        state = self.bench.model.state_dict()
        parts = (str(name).encode() + _to_bytes(value) for name, value in state.items())
        self._weights = digest(*parts)

    def fingerprint(self) -> str:
        """Return a hash of weights, images and metrics, with the number of threads."""
        images = digest(self.bench.description)
        compared = f', distance on {self.parent_images}' if self.parent_images else ''
        return f'weights {self._weights}, images {images}, threads {self.num_threads}{compared}'

    def calibrate(self, arch: Arch) -> dict[str, Tensor]:
        """Set ``arch`` and measure its statistics.

        Returns:
            Statistics of all batch norms by their name in the state dict, for ``extract``.
        """
        model = self.bench.model
        model.set_arch(arch)
        statistics: dict[str, Tensor] = model.measure_statistics(self.bench.calibration)
        return statistics

    def evaluate(self, arch: Arch, seed: int, work_dir: Path) -> dict[str, float]:
        """Set, calibrate and validate ``arch``; nothing here is random."""
        threads = torch.get_num_threads()
        torch.set_num_threads(self.num_threads)
        try:
            self.calibrate(arch)
            return self._measure_distance() if self.parent_images else self._validate()
        finally:
            torch.set_num_threads(threads)

    def _validate(self) -> dict[str, float]:
        """Score all images in this process: processes have different architectures."""
        metrics = self.bench.metrics
        for metric in metrics:
            metric.results.clear()
        with evaluation_mode(self.bench.model):
            for batch in self.bench.validation:
                samples = [sample.to_dict() for sample in self.bench.model.val_step(batch)]
                for metric in metrics:
                    metric.process(batch, samples)
        scores: dict[str, float] = {}
        for metric in metrics:
            prefix = f'{metric.prefix}/' if metric.prefix else ''
            found = metric.compute_metrics(metric.results)
            scores.update({prefix + name: float(value) for name, value in found.items()})
            metric.results.clear()
        return scores

    def _measure_distance(self) -> dict[str, float]:
        """Compare the outputs of the architecture that is set with the largest one's."""
        found = self._look()
        if self._wanted is None:
            self.calibrate(self.space.extremes()[1])
            self._wanted = self._look()
        spread = self._wanted.var(correction=0).clamp(min=torch.finfo(torch.float32).tiny)
        return dict(distance=float((found - self._wanted).square().mean() / spread))

    def _look(self) -> Tensor:
        """Return the outputs of the architecture that is set, (N, values of one image)."""
        model, rows, left = self.bench.model, [], self.parent_images or 0
        with evaluation_mode(model):
            for batch in self.bench.validation:
                inputs = model.data_preprocessor(batch, False)['inputs'][:left]
                outputs = model(inputs, mode='tensor')
                last = outputs[-1] if isinstance(outputs, list) else outputs
                parts = [last] if isinstance(last, Tensor) else last
                rows.append(torch.cat([part.flatten(1) for part in parts], dim=1))
                left -= len(inputs)
                if not left:
                    break
        return torch.cat(rows)


def _to_bytes(value: Tensor) -> bytes:
    return value.detach().cpu().contiguous().numpy().tobytes()
