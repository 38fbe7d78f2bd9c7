"""Checkpoints that survive a kill at any moment and hold nothing but data."""

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process, master_only
from mmengine.fileio import BaseStorageBackend, get_file_backend
from mmengine.hooks import CheckpointHook as _CheckpointHook
from mmengine.hooks import Hook
from mmengine.runner import Runner

from posenas.engine.optim import at_step_boundary
from posenas.registry import HOOKS
from posenas.utils.atomic_io import remove_leftovers
from posenas.utils.checkpoint import (
    publish_checkpoint,
    save_checkpoint,
    write_last_checkpoint,
)
from posenas.utils.errors import ConfigError
from posenas.utils.plain_data import discard_executable, restore_history, to_plain
from posenas.utils.safe_load import load_checkpoint_file
from posenas.utils.telling import tell

#: Entries that nothing but resuming needs.
_FOR_RESUME = ('optimizer', 'param_schedulers')


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Turn checkpoints into plain data before they are saved, and back after they are loaded.

    Works last, on what all other hooks have put in. Entries of ``meta`` and of the message hub that
    have no plain form are left out with a warning; anywhere else they are an error.
    """

    priority = 'LOWEST'

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Convert ``checkpoint`` in place; see :func:`posenas.utils.plain_data.to_plain`."""
        for name, value in checkpoint.items():
            dropped: list[str] = []
            informative = name in ('meta', 'message_hub')
            checkpoint[name] = to_plain({name: value}, dropped if informative else None)[name]
            if dropped:
                runner.logger.warning(
                    f'not saved, because they are not plain data: checkpoint{", ".join(dropped)}'
                )

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Bring the log histories back and drop what mmengine would run as code."""
        discard_executable(checkpoint)
        restore_history(checkpoint.get('message_hub', {}))


@HOOKS.register_module()
class CheckpointHook(_CheckpointHook):
    """Save checkpoints periodically, the last and the best ones; arguments as in mmengine.

    Differs from mmengine's hook in what a kill, a move or gradient accumulation could spoil:

    - An outdated file is deleted only after the new one and ``last_checkpoint`` are on disk, so a
      folder with ``max_keep_ckpts=1`` holds two for a moment.
    - ``last_checkpoint`` names a file relative to the work_dir, which can be moved.
    - A periodic save waits for the optimizer step while gradients are being accumulated, since
      checkpoints hold no partial gradients.

    The best checkpoint is ``best_<metric>_epoch_<n>.pth``, with underscores for slashes.

    Args:
        *args: Arguments of mmengine's hook.
        last_optimizer_only: Whether older checkpoints lose the states of optimizer and schedules,
            two thirds of a file, once the next one is on disk: only the last can be resumed then.
        **kwargs: Arguments of mmengine's hook.
    """

    def __init__(self, *args: Any, last_optimizer_only: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.last_optimizer_only = last_optimizer_only
        self.file_backend: BaseStorageBackend | None = None  # until training begins

    def before_train(self, runner: Runner) -> None:
        """Find out where to save, what is there, and tidy up after a killed predecessor."""
        # mmengine's own method warns of a class it uses itself, and its deque of kept checkpoints
        # drops entries by itself, before their files can be deleted
        work_dir, folder = str(runner.work_dir), str(self.out_dir or runner.work_dir)
        self.file_backend = get_file_backend(folder, backend_args=self.backend_args)
        if folder != work_dir:
            folder = self.file_backend.join_path(folder, Path(work_dir).name)
        self.out_dir = folder
        self.is_due = False
        self.keep_ckpt_ids = list(runner.message_hub.get_info('keep_ckpt_ids', []))
        outdated = self._trim()
        if is_main_process():
            remove_leftovers(folder, f'*{Path(self.filename_tmpl).suffix}')
            self._remove(outdated)
        runner.logger.info(f'Checkpoints will be saved to {folder}.')

    def after_train(self, runner: Runner) -> None:
        """Publish copies of the last and the best checkpoints, if asked for."""
        if self.published_keys is None:
            return
        suffixes = [self._suffix(key) for key in self.key_indicators] if self.save_best else []
        best = [runner.message_hub.get_info(f'best_ckpt{suffix}') for suffix in suffixes]
        for path in [self.last_ckpt if self.save_last else None, *best]:
            if path is not None:
                self._publish_model(runner, Path(self.out_dir, Path(path).name))

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Save when the interval, counted in iterations, is over and an optimizer step is done."""
        if self.by_epoch:
            return
        self.is_due |= self.every_n_train_iters(runner, self.interval, self.save_begin)
        self.is_due |= self.save_last and self.is_last_train_iter(runner)
        if self.is_due and at_step_boundary(runner.optim_wrapper):
            self._save_checkpoint(runner)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Write the checkpoint of ``step``, make it the last one, then delete outdated ones."""
        name, outdated = self.filename_tmpl.format(step), self._outdated(runner, step)
        former = Path(runner.message_hub.get_info('last_ckpt') or name).name
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        self.is_due = False
        if is_main_process():
            write_last_checkpoint(runner.work_dir, self.last_ckpt)
            self._remove(outdated)
            if self.last_optimizer_only and former != name:
                self._slim(Path(self.out_dir, former))

    def _slim(self, path: Path) -> None:
        """Leave out of a checkpoint what only resuming needs."""
        if path.is_file():
            checkpoint = load_checkpoint_file(path)
            for key in _FOR_RESUME:
                checkpoint.pop(key, None)
            save_checkpoint(checkpoint, path)

    def _outdated(self, runner: Runner, step: int) -> list[str]:
        """Count ``step`` among the kept ones; name the files that become too many.

        The message hub, and so the checkpoint, still lists these: killed before it deletes them,
        the run deletes them when it is resumed.
        """
        if self.max_keep_ckpts <= 0:
            return []
        if step not in self.keep_ckpt_ids:
            self.keep_ckpt_ids.append(step)
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        return self._trim()

    def _trim(self) -> list[str]:
        """Forget the oldest of too many checkpoints and name their files."""
        if self.max_keep_ckpts <= 0:
            return []
        outdated = self.keep_ckpt_ids[: -self.max_keep_ckpts]
        self.keep_ckpt_ids = self.keep_ckpt_ids[-self.max_keep_ckpts :]
        return [self.filename_tmpl.format(old) for old in outdated]

    def _remove(self, names: list[str]) -> None:
        for name in names:
            path = self.file_backend.join_path(self.out_dir, name)
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Save the model once per metric that has improved, then delete the former best."""
        if not self.save_best or self.file_backend is None:  # a validation alone, no training
            return
        if 'auto' in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        step = runner.epoch if self.by_epoch else runner.iter
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        improved = [key for key in self.key_indicators if self._is_best(runner, metrics, key)]
        for key in improved:
            self._save_best_of(runner, key, step, dict(meta))
        # the last checkpoint must know the best score and file, else a resumed run would not
        if improved and self.last_ckpt is not None and at_step_boundary(runner.optim_wrapper):
            self._save_checkpoint_with_step(runner, step, meta)

    def _is_best(self, runner: Runner, metrics: dict[str, float], key: str) -> bool:
        """Compare the new score with the best so far and remember the better one."""
        if key not in metrics:
            raise ConfigError(
                f'save_best={key!r} must be one of the metrics {sorted(metrics)}: '
                'set default_hooks.checkpoint.save_best'
            )
        info = f'best_score{self._suffix(key)}'
        score, best = metrics[key], runner.message_hub.get_info(info)
        is_best = score is not None and score == score  # NaN is never best
        if is_best and best is not None:
            is_best = self.is_better_than[key](score, best)
        if is_best:
            runner.message_hub.update_info(info, float(score))
        return is_best

    def _save_best_of(self, runner: Runner, key: str, step: int, meta: dict) -> None:
        info = f'best_ckpt{self._suffix(key)}'
        name = f'best_{key}_{self.filename_tmpl.format(step)}'.replace('/', '_')
        former = Path(runner.message_hub.get_info(info) or name).name  # the folder may have moved
        path = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info(info, path)
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=False,
            save_param_scheduler=False,
            meta=meta,
            by_epoch=False,
            backend_args=self.backend_args,
        )
        if is_main_process() and former != name:
            self._remove([former])
        score = runner.message_hub.get_info(f'best_score{self._suffix(key)}')
        runner.logger.info(f'The best checkpoint with {score:0.4f} {key} is saved to {name}.')

    def _suffix(self, key: str) -> str:
        """Give the end of the message hub entries of a metric: none where it is the only one."""
        return '' if len(self.key_indicators) == 1 else f'_{key}'

    @master_only
    def _publish_model(self, runner: Runner, path: Path) -> None:
        """Write a copy with the published keys, named by the SHA-256 of its bytes."""
        checkpoint = load_checkpoint_file(path)
        published = {key: checkpoint[key] for key in checkpoint if key in self.published_keys}
        tell(f'{path} is published to {publish_checkpoint(published, path)}')
