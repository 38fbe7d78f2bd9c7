"""Evaluation of an architecture by training its network in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from pathlib import Path
from statistics import fmean

from mmengine.config import Config

from posenas.genotype import derive_model
from posenas.registry import TASK_UTILS
from posenas.search.archive import digest
from posenas.search.evaluators import EvaluationError, Evaluator
from posenas.search.space import Arch, SearchSpace
from posenas.utils import (
    ConfigError,
    DataError,
    check_positive,
    load_config,
    make_folder,
    write_json,
    write_text,
)
from posenas.utils.checkpoint import find_latest_checkpoint
from posenas.utils.config import override_config
from posenas.utils.files import read_object
from posenas.utils.locks import Lock, hold_lock
from posenas.utils.processes import ending_with_parent
from posenas.utils.randomness import SCHEME

#: What launchers of distributed runs set; a training of its own must not see it.
_LAUNCHER_VARIABLES = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')
#: What the log of a training says that ended in NaN or infinity.
_DIVERGED = 'must be finite, got NaN or infinity'
_TAIL = 2000


@TASK_UTILS.register_module()
class TrainEvaluator(Evaluator):
    """Trains the network of each architecture from scratch and scores it on the search's images.

    Each training is ``posenas train`` in its own process. It ends with this one, is continued
    exactly if it was killed, and is scored with its last weights by the ``val_dataloader`` and
    ``val_evaluator`` of its config.

    Args:
        space: Space of the architectures, or its config.
        config: File or content of the config that trains an ordinary network of the family; the
            genotype is written into its model.
        cfg_options: Settings that differ from the config, such as ``{'train_cfg.max_epochs': 3}``.
        num_seeds: Trainings per architecture, of consecutive seeds; their scores are averaged.
        num_threads: Threads of each training.
        keep_checkpoints: Whether to keep the weights.
        rungs: For a successive halving: epochs (iterations, where the config counts those) after
            which a training is scored before it goes on; the last one is the whole. None has no
            such stops.

    Raises:
        ConfigError: Rungs do not ascend to the length of the training.
    """

    def __init__(
        self,
        space: SearchSpace | Mapping,
        config: str | Path | Mapping,
        cfg_options: Mapping | None = None,
        num_seeds: int = 1,
        num_threads: int = 1,
        keep_checkpoints: bool = False,
        rungs: Sequence[int] | None = None,
    ) -> None:
        super().__init__(space)
        check_positive('num_seeds', num_seeds)
        check_positive('num_threads', num_threads)
        is_file = isinstance(config, str | Path)
        self.cfg = load_config(config) if is_file else Config(dict(config))
        override_config(self.cfg, dict(cfg_options or {}))
        self.num_seeds, self.num_threads = num_seeds, num_threads
        self.keep_checkpoints = keep_checkpoints
        self.rungs = None if rungs is None else self._check_rungs(rungs)

    @property
    def num_rungs(self) -> int:
        """Lengths of training."""
        return len(self.rungs or (0,))

    @property
    def _length(self) -> str:
        """Key of the config that says how long a training is."""
        loop = self.cfg.get('train_cfg') or {}
        return 'max_epochs' if loop.get('max_epochs') else 'max_iters'

    def _check_rungs(self, rungs: Sequence[int]) -> tuple[int, ...]:
        whole = (self.cfg.get('train_cfg') or {}).get(self._length)
        ascends = all(a < b for a, b in pairwise((0, *rungs)))
        if not rungs or not ascends or rungs[-1] != whole:
            raise ConfigError(
                f'rungs must ascend to train_cfg.{self._length} of the config, {whole}, got '
                f'{list(rungs)}'
            )
        return tuple(rungs)

    def fingerprint(self) -> str:
        """Return a hash of the config and the scheme of random numbers, with seeds and threads."""
        text = json.dumps([SCHEME, self.cfg.to_dict()], sort_keys=True, default=str)
        stops = f', rungs {list(self.rungs)}' if self.rungs else ''
        return f'training {digest(text)}, seeds {self.num_seeds}, threads {self.num_threads}{stops}'

    def evaluate(self, arch: Arch, seed: int, work_dir: Path) -> dict[str, float]:
        """Train and score ``arch`` with each seed; return the means.

        Raises:
            EvaluationError: A training ended in NaN or infinity.
        """
        return self.evaluate_rung(arch, seed, work_dir, self.num_rungs - 1)

    def finish(self, work_dir: Path) -> None:
        """Remove weights of trainings that did not go on to the last rung."""
        if self.rungs and not self.keep_checkpoints:
            for folder in Path(work_dir, 'trials').glob('*/weights'):
                shutil.rmtree(folder)

    def evaluate_rung(self, arch: Arch, seed: int, work_dir: Path, rung: int) -> dict[str, float]:
        """Train ``arch`` up to a rung and score it there; see :meth:`evaluate`."""
        genotype = self.space.to_genotype(arch)
        runs = []
        for own_seed in range(seed, seed + self.num_seeds):
            folder = make_folder(work_dir / 'trials' / f'{genotype.id}_{own_seed}')
            config = folder / 'network.py'
            cfg = Config(dict(self.cfg, model=derive_model(genotype, self.cfg.model)))
            cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
            cfg.test_cfg = dict()
            # a training that was killed with its search saves its state before it ends
            with hold_lock(folder / '.lock', inf) as lock:
                write_text(config, cfg.pretty_text)
                runs.append(self._score(config, folder, own_seed, rung, lock))
        return {name: fmean(run[name] for run in runs) for name in runs[0]}

    def _score(
        self, config: Path, folder: Path, seed: int, rung: int, lock: Lock
    ) -> dict[str, float]:
        """Train, or go on training, and test; scores of the same training are read again."""
        is_whole = rung == self.num_rungs - 1
        result = folder / ('scores.json' if is_whole else f'scores_{rung}.json')
        identity = f'{self.fingerprint()}, seed {seed}'
        if result.exists():
            stored = read_object(result, dict(training=str, scores=dict))
            if stored['training'] == identity:
                return stored['scores']
        weights = folder / 'weights'
        options = ['--work-dir', str(weights), '--seed', str(seed), '--no-validate']
        if not is_whole and self.rungs:  # the schedule of the learning rate stays that of the whole
            options += ['--cfg-options', f'train_cfg.{self._length}={self.rungs[rung]}']
        self._run(lock, folder, 'train', str(config), *options, '--resume')
        checkpoint = find_latest_checkpoint(weights)
        if checkpoint is None:
            raise DataError(f'{config} must write checkpoints: set default_hooks.checkpoint')
        tested = folder / 'test'
        figures = tested / 'metrics.json'
        options = ['--work-dir', str(tested), '--out-metrics', str(figures)]
        self._run(lock, folder, 'test', str(config), checkpoint, *options)
        scores = read_object(figures, {})
        numbers = {k: float(v) for k, v in scores.items() if isinstance(v, int | float)}
        write_json(result, dict(training=identity, scores=numbers))
        if is_whole and not self.keep_checkpoints:
            shutil.rmtree(weights)
        return numbers

    def _run(self, lock: Lock, folder: Path, *command: str) -> None:
        """Run ``posenas`` with ``command``; its output goes to a log.

        Raises:
            EvaluationError: Numbers stopped being finite.
            RuntimeError: It failed otherwise: all architectures would.
        """
        environment = {k: v for k, v in os.environ.items() if k not in _LAUNCHER_VARIABLES}
        environment['OMP_NUM_THREADS'] = str(self.num_threads)
        package = str(Path(__file__).parents[2])
        paths = [package, *filter(None, [environment.get('PYTHONPATH')])]
        environment['PYTHONPATH'] = os.pathsep.join(paths)
        log = folder / f'{command[0]}.log'
        with open(log, 'w', encoding='utf-8') as output, lock.shared() as sharing:
            done = subprocess.run(
                [sys.executable, '-m', 'posenas', *command],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **ending_with_parent(),
                **sharing,
            )
        if done.returncode:
            text = log.read_text(encoding='utf-8', errors='replace')
            if _DIVERGED in text:
                raise EvaluationError(f'{folder.name} must train to finite numbers: see {log}')
            raise RuntimeError(
                f'posenas {" ".join(command)} ended with {done.returncode}:\n{text[-_TAIL:]}'
            )
