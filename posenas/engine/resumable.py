"""Refusing, before a training begins, what no checkpoint of it could bring back."""

from collections.abc import Iterator

from mmengine import hooks
from mmengine.optim import _ParamScheduler
from mmengine.runner import Runner

from posenas.engine.hooks.early_stopping import EarlyStoppingHook
from posenas.engine.hooks.ema_teacher import EMATeacherHook
from posenas.engine.hooks.nan_guard import NanGuardHook
from posenas.engine.training_state import read_scheduler
from posenas.utils.errors import CheckpointError, ConfigError
from posenas.utils.plain_data import to_plain

#: Hooks of mmengine whose state would be lost, or that write files which a kill breaks.
_REPLACED = (hooks.EarlyStoppingHook, hooks.CheckpointHook)
#: Hooks with a state that checkpoints hold.
_STATEFUL = (
    hooks.EMAHook,
    hooks.ParamSchedulerHook,
    EMATeacherHook,
    EarlyStoppingHook,
    NanGuardHook,
)
#: Hook that changes the network itself while it trains; mmcv registers it.
_CHANGES_NETWORK = 'RFSearchHook'


def check_resumable(runner: Runner) -> None:
    """Require that checkpoints of the training can hold all of its state.

    Raises:
        ConfigError: A hook, a sampler, a loop or a schedule keeps a state of its own.
    """
    for fault in _find_faults(runner):
        raise ConfigError(f'a training must go on exactly from its checkpoints, but {fault}')


def _find_faults(runner: Runner) -> Iterator[str]:
    for hook in runner.hooks:
        name = type(hook).__name__
        if type(hook) in _REPLACED:
            yield f"mmengine's {name} forgets: name it {name}, without a scope"
        if name == _CHANGES_NETWORK:
            yield f'{name} changes the network meanwhile: remove it from custom_hooks'
    yield from _find_late_hooks(runner)
    loop, sampler = runner.train_loop, runner.train_dataloader.batch_sampler.sampler
    for part, key in ((loop, 'train_cfg'), (sampler, 'train_dataloader.sampler')):
        if type(part).__module__.startswith('mmengine.'):
            name = type(part).__name__
            yield f"mmengine's {name} forgets where it was: set {key}.type={name}, without a scope"
    for scheduler in _list_schedulers(runner.param_schedulers):
        try:
            to_plain(read_scheduler(scheduler))
        except CheckpointError as error:
            yield f'{type(scheduler).__name__} holds what no checkpoint can: {error}'


def _find_late_hooks(runner: Runner) -> Iterator[str]:
    """Yield hooks that change their state after the checkpoint of an iteration is written."""
    places = [i for i, hook in enumerate(runner.hooks) if isinstance(hook, hooks.CheckpointHook)]
    for hook in runner.hooks[min(places, default=len(runner.hooks)) :]:
        if isinstance(hook, _STATEFUL):
            name = type(hook).__name__
            yield f'{name} comes after CheckpointHook: give it a higher priority than VERY_LOW'


def _list_schedulers(schedulers: list | dict | None) -> list[_ParamScheduler]:
    if isinstance(schedulers, dict):
        return [scheduler for items in schedulers.values() for scheduler in items]
    return schedulers or []
