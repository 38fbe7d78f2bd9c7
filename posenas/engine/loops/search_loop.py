"""Search by evaluating one architecture after another: ask, evaluate, tell."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from posenas.utils.executors import Executor, make_executor
from posenas.utils.randomness import Stream, make_generator
from posenas.utils.telling import TOLD

if TYPE_CHECKING:
    from posenas.search import Bench, Evaluator, Outcome, Record
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
        wave: Size of a generation, architectures proposed at a time.
        num_waves: Waves to evaluate; a larger number continues a finished search.
        space: Config of the search space; None takes the supernet's.
        budget: Arguments of :class:`posenas.search.Budget`; None counts no cost.
        checkpoint: Weights of the supernet; None leaves those that ``load_from`` gave.
        num_calibration: Images for batch norms.
        executor: 'ray' evaluates the architectures of a generation on a cluster; 'process' here,
            or in the processes of a launcher.
        address: Of the Ray cluster; None starts one on this machine.

    Raises:
        ConfigError: There is no space, or a launcher and a cluster are to do the same.
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
        executor: str = 'process',
        address: str | None = None,
    ) -> None:
        super().__init__(runner, dataloader)
        if executor != 'process' and get_dist_info()[1] > 1:
            raise ConfigError(
                f'executor must be process where a launcher starts several, got {executor!r}: '
                'leave --launcher or --executor out'
            )
        self.executor, self.address = executor, address
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
        self._check_extent()

    def _check_extent(self) -> None:
        """Require as many trials, and rungs, as the algorithm asks for.

        Raises:
            ConfigError: There are fewer.
        """
        needed, rungs = self.algorithm.num_trials, self.algorithm.num_rungs
        if needed is not None and needed > self.max_iters:
            raise ConfigError(
                f'wave * num_waves must be at least {needed}, the trials of the algorithm, got '
                f'{self.max_iters}: set train_cfg.num_waves'
            )
        if rungs is not None and rungs != self.evaluator.num_rungs:
            raise ConfigError(
                f'algorithm.num_rungs must be the number of evaluator.rungs, got {rungs} and '
                f'{self.evaluator.num_rungs}: set both in train_cfg'
            )

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
        cpus = getattr(self.evaluator, 'num_threads', 1)
        with exit_on_sigterm(), make_executor(self.executor, self.address, cpus) as executor:
            shared = executor.share(self.evaluator)
            while self.iter < self.max_iters and self._run_wave(known, archive, executor, shared):
                pass
            self._keep_winners()
            if archive is not None:
                self.evaluator.finish(self.work_dir)
        return self.runner.model

    def _run_wave(
        self,
        known: Sequence['Record'],
        archive: Any,  # noqa: ANN401
        executor: Executor,
        shared: object,
    ) -> bool:
        """Evaluate the next generation, except what ``known`` holds of it.

        Args:
            known: Records that the archive held at first.
            archive: The archive; None in processes other than the first.
            executor: Evaluates architectures where there is one process.
            shared: What stands for the evaluator there.

        Returns:
            Whether there is more to evaluate.
        """
        size = self.algorithm.limit(self.wave)
        records = list(known[self.iter : self.iter + size])
        if len(records) == size:
            self.algorithm.tell(records)
            return size > 0
        candidates = self.algorithm.ask(size)
        self._check_known(candidates, records)
        for outcome in self._evaluate(candidates[len(records) :], executor, shared):
            records.append(outcome.record)
            if archive is not None:
                self._report(outcome)
                archive.append(outcome.record)
        self.algorithm.tell(records)
        if len(candidates) < size:
            self.runner.logger.warning(
                'the search ends: every architecture within the budget is evaluated'
            )
        return len(candidates) == size

    def _check_known(self, candidates: Sequence['Candidate'], records: Sequence['Record']) -> None:
        """Require the archive to hold what this search would have proposed."""
        for candidate, record in zip(candidates, records, strict=False):
            if candidate.genotype.id != record.id:
                raise ConfigError(
                    f'{self.work_dir}/archive.jsonl must hold what this search proposes, but trial '
                    f'{record.trial} is {record.id} and not {candidate.genotype.id}: it was '
                    'written by another version; choose another work dir'
                )

    def _evaluate(
        self, candidates: Sequence['Candidate'], executor: Executor, shared: object
    ) -> Iterator['Outcome']:
        """Evaluate architectures, one per process at a time; yields outcomes in their order."""
        from posenas.search import evaluate_candidate

        rank, world_size = get_dist_info()
        own = self.runner.seed, self.work_dir
        generations = [c.trial // self.wave if c.rung is None else c.rung for c in candidates]
        tasks = {c.trial: (c, g, *own) for c, g in zip(candidates, generations, strict=True)}
        if world_size == 1:
            yield from executor.map(evaluate_candidate, shared, tasks.values())
            return
        for _, trials in groupby(tasks, key=lambda trial: trial // world_size):
            mine = [tasks[trial] for trial in trials if trial % world_size == rank]
            done = [evaluate_candidate(self.evaluator, *task) for task in mine]
            found = [outcome for outcomes in all_gather_object(done) for outcome in outcomes]
            yield from sorted(found, key=lambda outcome: outcome.record.trial)

    def _report(self, outcome: 'Outcome') -> None:
        """Log what came of an architecture and store how long it took."""
        record, logger = outcome.record, self.runner.logger
        if outcome.failure is not None:
            logger.warning(f'trial {record.trial} failed: {outcome.failure}')
        figures = ', '.join(f'{k} {v:.6g}' for k, v in {**record.scores, **record.costs}.items())
        logger.info(
            f'trial {record.trial} of 0 to {self.max_iters - 1}, {record.id}: '
            f'{figures or record.status}; {outcome.seconds:.1f} s',
            extra=TOLD,
        )
        timing = dict(trial=record.trial, seconds=round(outcome.seconds, 3))
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
        short = sum(record.status == 'short' for record in records)
        taught = f', {beyond} exceed the budget and were only learnt from' if beyond else ''
        taught += f', {short} were trained in part, to choose who is trained on' if short else ''
        self.runner.logger.info(
            f'{len(records)} of {self.max_iters} trials were evaluated, {failed} failed and '
            f'have no scores{taught}; {folder} holds those that no other beats',
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
