"""Search by evaluating one architecture after another: ask, evaluate, tell."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from mmengine.dist import all_gather_object, broadcast_object_list, get_dist_info
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from posenas.engine.signals import exit_on_sigterm
from posenas.registry import LOOPS, TASK_UTILS
from posenas.utils import ConfigError, check_positive, make_folder
from posenas.utils.atomic_io import append_line
from posenas.utils.checkpoint import save_checkpoint
from posenas.utils.randomness import Stream, make_generator
from posenas.utils.telling import TOLD

if TYPE_CHECKING:
    from posenas.search import Bench, Evaluator, Record
    from posenas.search.algorithms import Candidate, SearchAlgorithm

#: Settings of data loaders that make them faster and change no batch.
_SPEED_SETTINGS = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor')


@LOOPS.register_module()
class SearchLoop(BaseLoop):
    """Evaluate architectures in generations, each generation proposed from all before it.

    The work dir gets ``archive.jsonl``, which is the whole state: a search that finds it goes on
    from there and writes the same bytes, however often and wherever it was killed, and in however
    many processes. Trial t is evaluated by the process t mod their number. ``timings.jsonl`` says
    how long each took; ``winners`` holds the genotypes that no other beats, with what the supernet
    must be told to cut them out.

    Args:
        runner: Runner that owns the model.
        dataloader: Training data loader or its config: images without augmentation for batch
            norms, where a supernet is evaluated.
        algorithm: Config of a :class:`posenas.search.algorithms.SearchAlgorithm`.
        evaluator: Config of a :class:`posenas.search.Evaluator`. A supernet is scored on the images
            of ``val_dataloader`` by the metrics of ``val_evaluator``.
        wave: Architectures proposed at a time.
        num_waves: Waves to evaluate; a larger number continues a finished search.
        space: Config of the search space; None takes the supernet's.
        budget: Arguments of :class:`posenas.search.Budget`; None counts no cost.
        checkpoint: Weights of the supernet; None leaves those that ``load_from`` gave.
        num_calibration: Images for batch norms.

    Raises:
        ConfigError: There is no space.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        algorithm: dict,
        evaluator: dict,
        wave: int,
        num_waves: int,
        space: dict | None = None,
        budget: dict | None = None,
        checkpoint: str | None = None,
        num_calibration: int = 2048,
    ) -> None:
        super().__init__(runner, dataloader)
        for name, value in dict(
            wave=wave, num_waves=num_waves, num_calibration=num_calibration
        ).items():
            check_positive(name, value)
        self.wave, self.num_waves = wave, num_waves
        self.checkpoint, self.num_calibration = checkpoint, num_calibration
        given = TASK_UTILS.build(space) if space else getattr(self.model, 'space', None)
        if given is None:
            raise ConfigError('a search needs a space: set train_cfg.space, or use a supernet')
        made = TASK_UTILS.build(dict(budget, type='Budget')) if budget else None
        own = dict(space=given, budget=made, seed=runner.seed)
        self.algorithm: SearchAlgorithm = TASK_UTILS.build(algorithm, default_args=own)
        self.evaluator: Evaluator = TASK_UTILS.build(evaluator, default_args=dict(space=given))
        self.work_dir = Path(runner.work_dir)

    @property
    def model(self) -> nn.Module:
        """The model itself, without what replicates it."""
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    @property
    def epoch(self) -> int:
        """Waves completed."""
        return self.iter // self.wave

    @property
    def iter(self) -> int:
        """Trials told to the algorithm."""
        return len(self.algorithm.records)

    @property
    def max_epochs(self) -> int:
        """Waves to evaluate."""
        return self.num_waves

    @property
    def max_iters(self) -> int:
        """Trials to evaluate."""
        return self.num_waves * self.wave

    def run(self) -> nn.Module:
        """Search to the end.

        Returns:
            The model, as the last evaluation left it.

        Raises:
            ConfigError: The work dir holds another search.
        """
        from posenas.search import Archive

        if self.checkpoint is not None:
            self.runner.load_checkpoint(self.checkpoint, strict=True)
        given = self.runner, self.model, self.dataloader, self.num_calibration
        self.evaluator.start(partial(make_bench, *given))
        header = dict(
            seed=self.runner.seed,
            wave=self.wave,
            algorithm=self.algorithm.fingerprint(),
            evaluator=self.evaluator.fingerprint(),
        )
        archive = None
        if self.runner.rank == 0:
            archive = Archive(self.work_dir / 'archive.jsonl', header)
        known = _share(None if archive is None else archive.records)
        with exit_on_sigterm():
            while self.iter < self.max_iters and self._run_wave(known, archive):
                pass
            self._keep_winners()
        return self.runner.model

    def _run_wave(self, known: Sequence['Record'], archive: Any) -> bool:  # noqa: ANN401
        """Evaluate the next generation, except what ``known`` holds of it.

        Returns:
            Whether the space has more architectures.
        """
        records = list(known[self.iter : self.iter + self.wave])
        if len(records) == self.wave:
            self.algorithm.tell(records)
            return True
        candidates = self.algorithm.ask(self.wave)
        self._check_known(candidates, records)
        _, world_size = get_dist_info()
        for round_ in range(self.iter // world_size, (self.iter + self.wave) // world_size + 1):
            mine = [c for c in candidates[len(records) :] if c.trial // world_size == round_]
            for record in self._evaluate(mine):
                records.append(record)
                if archive is not None:
                    archive.append(record)
        self.algorithm.tell(records)
        if len(candidates) < self.wave:
            self.runner.logger.warning(
                'the search ends: every architecture within the budget is evaluated'
            )
        return len(candidates) == self.wave

    def _check_known(self, candidates: Sequence['Candidate'], records: Sequence['Record']) -> None:
        """Require the archive to hold what this search would have proposed."""
        for candidate, record in zip(candidates, records, strict=False):
            if candidate.genotype.id != record.id:
                raise ConfigError(
                    f'{self.work_dir}/archive.jsonl must hold what this search proposes, but trial '
                    f'{record.trial} is {record.id} and not {candidate.genotype.id}: it was '
                    'written by another version; choose another work dir'
                )

    def _evaluate(self, candidates: Sequence['Candidate']) -> list['Record']:
        """Evaluate one architecture per process; all processes return all records, in order."""
        rank, world_size = get_dist_info()
        mine = [self._evaluate_one(c) for c in candidates if c.trial % world_size == rank]
        found = [pair for pairs in all_gather_object(mine) for pair in pairs]
        found.sort(key=lambda pair: pair[0].trial)
        if rank == 0:
            self._report(found)
        return [record for record, _ in found]

    def _evaluate_one(self, candidate: 'Candidate') -> tuple['Record', float]:
        """Evaluate one architecture.

        Returns:
            Its record and the time it took, seconds.
        """
        from posenas.search import EvaluationError, Record

        start = perf_counter()
        try:
            scores = self.evaluator.evaluate(candidate.arch, self.runner.seed, self.work_dir)
            failure = None if np.isfinite(list(scores.values())).all() else f'scores {scores}'
        except EvaluationError as error:
            failure = str(error)
        if failure is not None:
            self.runner.logger.warning(f'trial {candidate.trial} failed: {failure}')
        record = Record(
            trial=candidate.trial,
            generation=candidate.trial // self.wave,
            parents=candidate.parents,
            id=candidate.genotype.id,
            arch=candidate.arch,
            scores={} if failure else scores,
            costs=candidate.costs,
            status='failed' if failure else 'beyond' if candidate.is_beyond else 'ok',
        )
        return record, perf_counter() - start

    def _report(self, found: Sequence[tuple['Record', float]]) -> None:
        """Log the records and store how long they took."""
        for record, seconds in found:
            figures = ', '.join(
                f'{k} {v:.6g}' for k, v in {**record.scores, **record.costs}.items()
            )
            self.runner.logger.info(
                f'trial {record.trial} of 0 to {self.max_iters - 1}, {record.id}: '
                f'{figures or record.status}; {seconds:.1f} s',
                extra=TOLD,
            )
            timing = dict(trial=record.trial, seconds=round(seconds, 3))
            append_line(self.work_dir / 'timings.jsonl', json.dumps(timing))

    def _keep_winners(self) -> None:
        """Write the genotypes of the Pareto front and what cutting them out needs."""
        from posenas.genotype import save_genotype
        from posenas.search import find_front

        if self.runner.rank != 0:
            return
        folder = make_folder(self.work_dir / 'winners')
        for record in find_front(self.algorithm.records, self.algorithm.objectives):
            save_genotype(
                self.algorithm.space.to_genotype(record.arch), folder / f'{record.id}.json'
            )
            state = self.evaluator.calibrate(record.arch)
            if state:
                save_checkpoint(dict(bn_stats=state), folder / f'{record.id}.pth')
        records = self.algorithm.records
        failed = sum(record.status == 'failed' for record in records)
        beyond = sum(record.status == 'beyond' for record in records)
        taught = f', {beyond} exceed the budget and were only learnt from' if beyond else ''
        self.runner.logger.info(
            f'{len(records)} of {self.max_iters} architectures were evaluated, {failed} failed '
            f'and have no scores{taught}; {folder} holds those that no other beats',
            extra=TOLD,
        )


def _share(value: object) -> Any:  # noqa: ANN401  (what the first process gives)
    """Return the ``value`` of the first process in all of them."""
    shared = [value]
    broadcast_object_list(shared)
    return shared[0]


def make_bench(
    runner: Runner, model: nn.Module, dataloader: DataLoader, num_calibration: int
) -> 'Bench':
    """Collect supernet, images and metrics, every process all of them.

    Args:
        runner: Runner with the data and metrics of validation.
        model: The supernet.
        dataloader: Of the images for batch norms.
        num_calibration: Number of these, drawn with the seed of the runner.

    Raises:
        ConfigError: The runner does not validate.
    """
    from posenas.search import Bench

    if runner.val_loop is None:
        raise ConfigError('a supernet needs val_dataloader and val_evaluator to be searched')
    size = len(dataloader.dataset)
    order = make_generator(Stream.CALIBRATION, runner.seed).permutation(size)[:num_calibration]
    validation = runner.val_dataloader
    names = ('train_dataloader', 'val_dataloader', 'val_evaluator')
    settings = {name: _without_speed(runner.cfg.get(name)) for name in names}
    return Bench(
        model=model,
        calibration=_load(dataloader, order.tolist()),
        validation=_load(validation, range(len(validation.dataset))),
        metrics=runner.val_evaluator.metrics,
        description=json.dumps([len(order), settings], sort_keys=True, default=str),
    )


def _without_speed(settings: Any) -> object:  # noqa: ANN401  (as configs are)
    if isinstance(settings, Mapping):
        return {k: v for k, v in settings.items() if k not in _SPEED_SETTINGS}
    return settings


def _load(loader: DataLoader, order: Sequence[int]) -> list[Mapping]:
    """Read the samples ``order`` of a loader's data set into memory, in batches of its size."""
    whole = DataLoader(
        loader.dataset,
        batch_size=loader.batch_sampler.batch_size,
        sampler=order,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        worker_init_fn=loader.worker_init_fn,
    )
    return list(whole)
