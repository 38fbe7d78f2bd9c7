"""Schedules of configs: move a whole one to another length, or fit one to the size of the data."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmengine.config import Config

from posenas.utils.errors import ConfigError

#: Hooks whose ``interval`` counts epochs; those of others count iterations or samples.
_EPOCH_INTERVALS = ('ArchValueHook', 'CheckpointHook', 'SubnetScoresHook')
#: Arguments of schedules, and of loops, that are places in the training, and those that are spans.
_PLACES = ('begin', 'end', 'save_begin', 'val_begin')
_SPANS = ('T_max', 'step_size', 'total_steps')
#: Schedules that raise the rate in the first iterations.
_WARM_UPS = ('ConstantLR', 'ExpWarmupLR', 'ExponentialLR', 'LinearLR')
#: Iterations that a training from scratch needs; about as many as 30 epochs of LSP Extended.
_ITERATIONS = 7500
#: The same, and share of the learning rate, where a trained network is the start.
_FINE_TUNING_ITERATIONS, _FINE_TUNING_RATE = 2500, 0.25
#: Fewest and most epochs: every sample is seen some times, and small data sets are not learnt by
#: heart for ever.
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 300
#: Validations of a training: enough to choose the best epoch.
_VALIDATIONS = 20
#: Share of the iterations in which the learning rate rises.
_WARM_UP_SHARE = 0.05


@dataclass(frozen=True)
class FittedSchedule:
    """Length of a training that fits its data.

    Attributes:
        num_epochs: Passes over the data.
        num_batches: Batches of each.
        warm_up: Iterations in which the learning rate rises; 0 where the schedule has none.
        interval: Epochs between validations, and between checkpoints.
    """

    num_epochs: int
    num_batches: int
    warm_up: int
    interval: int


def set_epochs(cfg: Config, num_epochs: int, source: str = '--epochs') -> None:
    """Move the schedule of a training to another number of epochs, in place.

    Warm-up, milestones, cosines, validations, checkpoints, and hooks, losses and loops that begin
    or end in an epoch keep their share of the training.

    Args:
        cfg: Config.
        num_epochs: Epochs of the new schedule, at least 1.
        source: What asks for it.

    Raises:
        ConfigError: The training counts no epochs.
    """
    loop = cfg.get('train_cfg') or {}
    if not loop.get('max_epochs'):
        raise ConfigError(
            f'{source} needs a schedule that counts epochs, but train_cfg has no max_epochs: set '
            'max_iters of a training or num_waves of a search instead'
        )
    move = _Move(loop['max_epochs'], num_epochs)
    if cfg.get('max_epochs') == move.old:  # the variable that configs copy it from
        cfg.max_epochs = num_epochs
    cfg.train_cfg = move.move_loop(loop)
    cfg.param_scheduler = move.move_schedules(cfg.get('param_scheduler'))
    for key in ('custom_hooks', 'default_hooks', 'model'):
        if cfg.get(key):
            cfg[key] = move.move_inside(cfg[key])


def fit_schedule(
    cfg: Config, num_samples: int, batch_size: int, is_trained: bool = False
) -> FittedSchedule:
    """Give a training as many epochs as its data need, in place.

    About 7,500 iterations, or 2,500 at a quarter of the learning rate where a trained network is
    the start; but 10 epochs at least and 300 at most; a warm-up of 5 % of them; 20 validations,
    each with a checkpoint.

    Args:
        cfg: Config with a schedule for any other data.
        num_samples: People in the data.
        batch_size: People in a batch.
        is_trained: Whether it starts from a trained network.

    Raises:
        ConfigError: The training counts no epochs, or its learning rate falls by iterations.
    """
    loader = cfg.get('train_dataloader') or {}
    is_dropped = loader.get('drop_last', False)
    batches = max(1, num_samples // batch_size if is_dropped else -(-num_samples // batch_size))
    length = _ITERATIONS
    if is_trained:
        length = _FINE_TUNING_ITERATIONS
        cfg.optim_wrapper.optimizer.lr *= _FINE_TUNING_RATE
    wanted = min(max(round(length / batches), _FEWEST_EPOCHS), _MOST_EPOCHS)
    set_epochs(cfg, wanted, source='a schedule for these data')
    interval = max(1, wanted // _VALIDATIONS)
    cfg.train_cfg.val_interval = interval
    hooks = cfg.get('default_hooks') or {}
    checkpoint = dict(hooks.get('checkpoint') or dict(type='CheckpointHook'), interval=interval)
    cfg.default_hooks = dict(hooks, checkpoint=checkpoint)
    warm_up = max(2, round(_WARM_UP_SHARE * wanted * batches))
    has_warm_up = False
    for schedule in _list_schedules(cfg.get('param_scheduler')):
        if schedule.get('by_epoch', True):
            continue
        if schedule.get('begin', 0) or schedule['type'] not in _WARM_UPS:
            raise ConfigError(
                'the learning rate must fall by epochs for a schedule that fits the data, got '
                f'{schedule["type"]} by iterations: choose another model'
            )
        schedule['end'], has_warm_up = warm_up, True
    return FittedSchedule(wanted, batches, warm_up if has_warm_up else 0, interval)


@dataclass(frozen=True)
class _Move:
    """From a schedule of ``old`` epochs to one of ``new``."""

    old: int
    new: int

    def span(self, length: int, least: int = 1) -> int:
        return max(least, round(length * self.new / self.old))

    def place(self, value: int, least: int = 0) -> int:
        """Move an epoch; those behind the end, where nothing happens, stay behind it."""
        if value > self.old:
            return self.new + value - self.old
        return max(min(value, least), round(value * self.new / self.old))

    def move_loop(self, loop: Mapping) -> dict:
        moved = self.move_inside(loop)
        moved.update(max_epochs=self.new)
        moved.update({k: self.span(moved[k]) for k in ('val_interval',) if moved.get(k)})
        moved.update({k: self.place(moved[k], 1) for k in ('val_begin',) if moved.get(k)})
        if moved.get('dynamic_intervals'):
            pairs = moved['dynamic_intervals']
            moved['dynamic_intervals'] = [(self.place(e), self.span(n)) for e, n in pairs]
        return moved

    def move_schedules(self, schedules: object) -> object:
        if isinstance(schedules, list | tuple):
            return [self.move_schedules(schedule) for schedule in schedules]
        if isinstance(schedules, Mapping) and 'type' not in schedules:  # by optimizer
            return {name: self.move_schedules(item) for name, item in schedules.items()}
        return self._move_schedule(schedules) if isinstance(schedules, Mapping) else schedules

    def _move_schedule(self, schedule: Mapping) -> dict:
        """Move the arguments of one schedule, by epochs or by iterations."""
        by_epoch = schedule.get('by_epoch', True)
        place = self.place if by_epoch else self.span_from_zero
        moved = dict(schedule)
        moved.update({key: place(moved[key]) for key in _PLACES if key in moved})
        moved.update({key: self.span(moved[key]) for key in _SPANS if moved.get(key)})
        if 'milestones' in moved:
            last = max(1, self.new - 1) if by_epoch else max(1, place(max(moved['milestones'])))
            moved['milestones'] = [
                place(epoch) if epoch >= self.old and by_epoch else min(max(1, place(epoch)), last)
                for epoch in moved['milestones']
            ]
        if 'periods' in moved:
            moved['periods'] = [self.span(length) for length in moved['periods']]
        if 'end' in moved:
            least = 1 if by_epoch else 2  # iterations of the shortest warm-up
            moved['end'] = max(moved['end'], moved.get('begin', 0) + least)
            old_span = schedule['end'] - schedule.get('begin', 0)
            if schedule.get('T_max') == old_span:
                moved['T_max'] = moved['end'] - moved.get('begin', 0)
        return moved

    def span_from_zero(self, value: int) -> int:
        return self.span(value, least=0)

    def move_inside(self, value: object) -> object:
        """Move what says that it is an epoch or a number of them, wherever it stands."""
        if isinstance(value, list | tuple):
            return type(value)(self.move_inside(item) for item in value)
        if not isinstance(value, Mapping):
            return value
        moved = {key: self._move_entry(str(key), item) for key, item in value.items()}
        is_hook = value.get('type') in _EPOCH_INTERVALS and value.get('by_epoch', True)
        if is_hook and moved.get('interval', 0) > 0:
            moved['interval'] = self.span(moved['interval'])
        if is_hook and moved.get('save_begin'):
            moved['save_begin'] = self.place(moved['save_begin'])
        return moved

    def _move_entry(self, key: str, value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool):
            return self.move_inside(value)
        if key.endswith('_epoch') and value > 0:
            return self.place(value)
        if key == 'epochs' or (key.endswith('_epochs') and key != 'max_epochs'):
            return self.span(value) if value > 0 else value
        if key in ('begin_iter', 'warmup_iters', 'ramp_iters'):
            return self.span_from_zero(value)
        return value


def _list_schedules(schedules: object) -> list:
    if isinstance(schedules, Mapping) and 'type' not in schedules:
        return [s for items in schedules.values() for s in _list_schedules(items)]
    if isinstance(schedules, Mapping):
        return [schedules]
    return list(schedules or [])
