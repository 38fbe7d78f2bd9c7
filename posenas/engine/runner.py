"""The runner: mmengine's, made exact, safe and at home on CPUs."""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.dist import master_only, sync_random_seed
from mmengine.evaluator import Evaluator as BaseEvaluator
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, _ParamScheduler
from mmengine.runner import BaseLoop, Runner
from mmengine.runner.utils import set_random_seed
from mmengine.visualization import Visualizer
from torch import distributed, nn
from torch.utils.data import DataLoader

from posenas.convert import adapt_checkpoint
from posenas.datasets.samplers import PartsSampler
from posenas.engine import compat
from posenas.engine.compilation import compile_networks
from posenas.engine.distributed import end_with_torchrun, init_gloo
from posenas.engine.evaluator import Evaluator
from posenas.engine.facts import describe_scaling
from posenas.engine.loaders import prepare_loader
from posenas.engine.optim import SearchOptimWrapper
from posenas.engine.randomness import seed_construction, seed_initialization, set_dataset_seed
from posenas.engine.resumable import check_resumable
from posenas.engine.supernet_check import check_supernet, needs_all_weights
from posenas.engine.training_state import collect_training, restore_training
from posenas.engine.work_dir import (
    Traces,
    claim_work_dir,
    explain_full_disk,
    raise_write_errors,
    write_config,
)
from posenas.models import load_state
from posenas.registry import RUNNERS
from posenas.utils import make_folder
from posenas.utils.checkpoint import find_start, save_checkpoint
from posenas.utils.config import adopt_scope
from posenas.utils.errors import refuse_impossible
from posenas.utils.telling import find_screen, replace_screen, tell


@RUNNERS.register_module()
class PoseRunner(Runner):
    """Trains, validates and tests what a config describes.

    Differs from mmengine's runner: default scope ``posenas``; distributed on CPU over gloo; a
    missing seed is drawn once, shared, logged and saved; training resumes at any iteration to the
    same bits; NaN and stop signals are handled; checkpoints never run code.

    Args:
        model: The network or its config.
        work_dir: Folder of logs and checkpoints.
        *args: Other arguments of ``mmengine.runner.Runner``, also by name.
        default_scope: Registry scope in which names are looked up first.
        **kwargs: Likewise.

    Attributes:
        strict_load: Whether names and shapes of the checkpoint in ``load_from`` must agree.
        first_iter: Iterations done before a resume.
        traces: What is in the work dir before anything runs, to be removed when nothing will.
        lr_note: What scaling would do to learning rates.
    """

    def __init__(
        self,
        model: nn.Module | dict,
        work_dir: str,
        *args: Any,
        default_scope: str = 'posenas',
        **kwargs: Any,
    ) -> None:
        compat.apply()
        self.traces, self.first_iter, self.lr_note = Traces(work_dir), 0, ''
        self.seed_was_given = self.strict_load = False
        with self.traces.removed_on_failure(self):
            make_folder(work_dir)
            super().__init__(model, work_dir, *args, default_scope=default_scope, **kwargs)

    @classmethod
    def from_cfg(cls, cfg: Config | ConfigDict | dict) -> 'PoseRunner':
        """Build a runner from a config.

        A missing ``default_scope`` is 'posenas', as is MMPose's where that is not installed; a
        missing ``work_dir`` is ``work_dirs/<name of the config>``.

        Raises:
            ConfigError: What the config describes cannot be built.
        """
        cfg = Config(cfg) if not isinstance(cfg, Config) else cfg.copy()
        name = Path(cfg.filename).stem if cfg.filename else 'unnamed'
        adopt_scope(cfg)
        cfg.setdefault('work_dir', str(Path('work_dirs', name)))
        cfg.setdefault('randomness', dict(seed=None))
        cfg.setdefault('env_cfg', dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0)))
        with explain_full_disk(cfg.work_dir), refuse_impossible('the runner'):
            return super().from_cfg(cfg)

    def setup_env(self, env_cfg: dict) -> None:
        """Set threads, limits and, when launched so, the process group."""
        end_with_torchrun()
        if self.distributed and not torch.cuda.is_available() and not distributed.is_initialized():
            dist_cfg = env_cfg.get('dist_cfg', {})
            options = {key: dist_cfg[key] for key in ('timeout', 'port') if key in dist_cfg}
            init_gloo(self.launcher, **options)
        super().setup_env(env_cfg)
        # message hub and logger are found by name: runners of one second must not share them
        namesakes = sum(self._timestamp in name for name in MessageHub._instance_dict)
        if namesakes:
            self._timestamp += f'_{namesakes}'

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger; it tells of a full disk in one line, and shows what others show."""
        screen = find_screen(MMLogger.get_current_instance())
        logger = super().build_logger(*args, **kwargs)
        raise_write_errors(logger)
        if screen is not None and self.rank == 0:
            replace_screen(logger, screen)
        return logger

    def build_visualizer(self, visualizer: Visualizer | dict | None = None) -> Visualizer:
        """Build the visualizer of this run; mmengine would return a namesake of an earlier run."""
        if isinstance(visualizer, dict):
            name = visualizer.get('name', self.experiment_name)
            namesake = Visualizer._instance_dict.pop(name, None)
            if namesake is not None:
                type(namesake)._instance_dict.pop(name, None)
        return super().build_visualizer(visualizer)

    def set_randomness(
        self, seed: int | None, diff_rank_seed: bool = False, deterministic: bool = False
    ) -> None:
        """Set the one seed of all ranks; ranks always draw differently while training.

        Args:
            seed: The seed; None draws one on rank 0 and shares it.
            diff_rank_seed: Kept for mmengine's configs, without effect.
            deterministic: Restrict torch to deterministic algorithms.
        """
        self.seed_was_given = seed is not None
        self._seed = sync_random_seed() if seed is None else int(seed)
        self._deterministic = deterministic
        set_random_seed(self._seed, deterministic=deterministic)
        seed_construction(self._seed)
        if 'randomness' in self.cfg:
            self.cfg.randomness.seed = self._seed  # for the config that is written down

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Move ``model`` to its device and, in distributed runs, replicate it.

        Buffers follow rank 0, whose buffers a checkpoint holds, so that resuming is exact.
        """
        if self.distributed and model_wrapper_cfg is None:
            model_wrapper_cfg = dict(
                type='MMDistributedDataParallel',
                broadcast_buffers=True,
                find_unused_parameters=self.cfg.get('find_unused_parameters', False),
            )
        os.environ.setdefault('LOCAL_RANK', '0')
        if not any(weight.requires_grad for weight in model.parameters()):
            return model.to(get_device())  # an exported network: nothing to replicate
        return super().wrap_model(model_wrapper_cfg, model)

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper:  # noqa: ANN401
        """Build the optimizers; what they cannot be is an error of the config."""
        with refuse_impossible('optim_wrapper'):
            return super().build_optim_wrapper(optim_wrapper)

    def scale_lr(self, optim_wrapper: OptimWrapper, auto_scale_lr: dict | None = None) -> None:
        """Scale learning rates by batch size if ``auto_scale_lr.enable``, else say by how much."""
        self.lr_note = describe_scaling(self, auto_scale_lr or {})
        if self.lr_note:
            self.logger.info(self.lr_note)
        with refuse_impossible('auto_scale_lr'):
            super().scale_lr(optim_wrapper, auto_scale_lr)

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Build a data loader whose data set and sampler know the seed and the size of batches.

        Args:
            dataloader: Data loader or its config.
            seed: Seed of shuffles and transforms, equal on all ranks.
            diff_rank_seed: Kept for mmengine's signature, without effect.
        """
        if isinstance(dataloader, dict):
            dataloader = prepare_loader(dataloader, seed)
        loader = Runner.build_dataloader(dataloader, seed=seed)
        if seed is not None:
            set_dataset_seed(loader.dataset, seed)
        sampler = loader.batch_sampler.sampler
        if isinstance(sampler, PartsSampler):
            sampler.batch_size = loader.batch_sampler.batch_size
        return loader

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the training loop; ``by_epoch`` or the limit given choose a missing type."""
        if isinstance(loop, dict) and 'type' not in loop:
            loop = dict(loop)
            by_epoch = loop.pop('by_epoch', 'max_iters' not in loop)
            loop['type'] = 'EpochBasedTrainLoop' if by_epoch else 'IterBasedTrainLoop'
        return super().build_train_loop(loop)

    def build_param_scheduler(
        self, scheduler: _ParamScheduler | dict | list
    ) -> list[_ParamScheduler] | dict[str, list[_ParamScheduler]]:
        """Build schedules; in a search, those without a name are the weights'.

        Args:
            scheduler: Schedules, or lists of them by the name of their optimizer.
        """
        if isinstance(self.optim_wrapper, SearchOptimWrapper):
            is_named = isinstance(scheduler, dict) and 'type' not in scheduler
            named = scheduler if is_named else dict(weights=scheduler)
            scheduler = {name: named.get(name, []) for name in self.optim_wrapper.keys()}  # noqa: SIM118
        return super().build_param_scheduler(scheduler)

    def build_evaluator(self, evaluator: BaseEvaluator | dict | list) -> BaseEvaluator:
        """Build an evaluator whose results are plain numbers."""
        is_metrics = isinstance(evaluator, list) or (
            isinstance(evaluator, dict) and 'metrics' not in evaluator
        )
        return Evaluator(evaluator) if is_metrics else super().build_evaluator(evaluator)

    def register_default_hooks(self, hooks: dict[str, Hook | dict] | None = None) -> None:
        """Register mmengine's default hooks and ours; a None in ``hooks`` leaves one out."""
        defaults = dict(
            nan_guard=dict(type='NanGuardHook'),
            plain_checkpoint=dict(type='PlainCheckpointHook'),
            stop_signal=dict(type='StopSignalHook'),
            run_report=dict(type='RunReportHook'),
        )
        hooks = {**defaults, **(hooks or {})}
        left_out = [name for name in defaults if hooks[name] is None]
        for name in left_out:
            del hooks[name]
        super().register_default_hooks(hooks)

    def train(self) -> nn.Module:
        """Train to the end.

        Raises:
            ConfigError: Another training or search is at work in the work dir.
        """
        with claim_work_dir(self.work_dir), explain_full_disk(self.work_dir):
            return super().train()

    @property
    def config_name(self) -> str:
        """Name of the file in the work dir that holds the config."""
        return Path(self.cfg.filename or f'{self.timestamp}.py').name

    @master_only
    def dump_config(self) -> None:
        """Write the config into the work dir, unless that is another training's at the moment."""
        write_config(self.work_dir, self.config_name, self.config_text)

    def load_or_resume(self) -> None:
        """Resume or load as the config says.

        ``resume='auto'`` resumes what :func:`find_start` finds.

        Raises:
            ConfigError: The training could not be resumed, see :func:`check_resumable`.
        """
        if isinstance(self._train_loop, BaseLoop):
            check_resumable(self)
        check_supernet(self)
        if self._has_loaded:
            return
        source = self._load_from
        if self._resume and (source is None or self._resume == 'auto'):
            source, self._resume = find_start(self.work_dir, source)
        if source is None:
            return
        if self._resume:
            self.resume(source)
        else:
            self.load_checkpoint(source, strict=self.strict_load or needs_all_weights(self.cfg))

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: str = 'default',
    ) -> None:
        """Continue a training exactly where the checkpoint ``filename`` was written.

        Args:
            filename: Path of a training checkpoint.
            resume_optimizer: Must be True: weights alone are loaded by :meth:`load_checkpoint`.
            resume_param_scheduler: Must be True, likewise.
            map_location: Kept for mmengine's signature; states go where their weights are.

        Raises:
            CheckpointError: The file is unsafe, or does not fit model, optimizer or schedulers.
        """
        if not (resume_optimizer and resume_param_scheduler):
            raise ValueError('resume restores everything: use load_checkpoint for weights alone')
        self._resume = True  # hooks ask whether a loaded checkpoint continues a training
        checkpoint = self.load_checkpoint(filename, strict=True)
        restore_training(self, checkpoint)
        self.first_iter = self.iter
        tell(f'resumed {filename}: epoch {self.epoch}, iteration {self.iter}')

    def load_checkpoint(
        self,
        filename: str,
        map_location: str = 'cpu',
        strict: bool = False,
        revise_keys: list | None = None,
    ) -> dict:
        """Load the weights of ``filename``, ours or published ones, into the model.

        Args:
            filename: Path or address of a checkpoint.
            map_location: Device for its tensors before they are copied.
            strict: Whether names and shapes must agree; if not, a warning lists the differences.
            revise_keys: Kept for mmengine's signature; ``module.`` is always stripped.

        Returns:
            The checkpoint.
        """
        checkpoint = compat.load_checkpoint(filename, map_location)
        if not self._resume:
            model = self.model.module if is_model_wrapper(self.model) else self.model
            checkpoint = adapt_checkpoint(checkpoint, model.state_dict(), strict)
        check_supernet(self, checkpoint)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        load_state(self.model, checkpoint, strict=strict)
        self._has_loaded = True
        tell(f'loaded {filename}')
        return checkpoint

    @property
    def has_loaded(self) -> bool:
        """Whether the weights come from a checkpoint."""
        return self._has_loaded

    @cached_property
    def config_text(self) -> str:
        """The config as a file would say it; formatting takes long, so it is done once."""
        return self.cfg.pretty_text

    @master_only
    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: dict | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: dict | None = None,
        by_epoch: bool = True,
        backend_args: dict | None = None,
    ) -> None:
        """Write the training's state to ``out_dir / filename``, atomically and as plain data.

        Args:
            out_dir: Folder on this machine.
            filename: Name of the file.
            file_client_args: Kept for mmengine's signature, without effect.
            save_optimizer: Include the optimizer; without it nothing can be resumed.
            save_param_scheduler: Include the schedulers, likewise.
            meta: More entries for ``meta``; ``epoch`` and ``iter`` in it say what is complete.
            by_epoch: Whether, when ``meta`` does not say, the current epoch counts as complete
                or else the current iteration.
            backend_args: Kept for mmengine's signature, without effect.
        """
        done = (self.epoch + 1, self.iter) if by_epoch else (self.epoch, self.iter + 1)
        position = dict(epoch=done[0], iter=done[1]) | (meta or {})
        checkpoint = collect_training(self, position, save_optimizer, save_param_scheduler)
        self.call_hook('before_save_checkpoint', checkpoint=checkpoint)
        save_checkpoint(checkpoint, Path(out_dir, filename))

    def _maybe_compile(self, target: str) -> None:
        """Compile the network if the config's ``compile`` is True or holds torch's options."""
        options = self.cfg.get('compile')
        if not options:
            return
        with refuse_impossible('compile'):
            compile_networks(self.model, options)
        tell('the network is compiled during its first iterations, which are slow')

    def _init_model_weights(self) -> None:
        seed_initialization(self.seed)
        with refuse_impossible('init_cfg'):
            super()._init_model_weights()
