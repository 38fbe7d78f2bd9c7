"""Optimizer and learning rate of MMPose 0.x."""

from collections.abc import Mapping
from typing import Any

from posenas.convert.reading import Section
from posenas.utils import ConfigError, check_choice

#: Hooks of 0.x that step the optimizer -> whether they accumulate and whether in half precision.
_OPTIMIZER_HOOKS = {
    'OptimizerHook': (False, False),
    'DistOptimizerHook': (False, False),
    'Fp16OptimizerHook': (False, True),
    'GradientCumulativeOptimizerHook': (True, False),
    'GradientCumulativeFp16OptimizerHook': (True, True),
}
#: Default of ``fp16.loss_scale`` in 0.x.
_LOSS_SCALE = 512.0
#: Name of a policy in 0.x -> what schedulers of that form are called, less LR or Momentum.
_POLICIES = {'CosineAnnealing': 'CosineAnnealing', 'poly': 'Poly', 'exp': 'Exponential'}


def translate_optimizer(cfg: Section) -> dict[str, Any] | None:
    """Translate ``optimizer``, ``optimizer_config`` and ``fp16``; None without an optimizer."""
    optimizer = cfg.enter('optimizer')
    wrapper: dict[str, Any] = dict(type='OptimWrapper')
    paramwise = optimizer.take('paramwise_cfg', 'optim_wrapper.paramwise_cfg')
    constructor = optimizer.take('constructor', 'optim_wrapper.constructor')
    arguments = optimizer.rest('optim_wrapper.optimizer')
    config = cfg.enter('optimizer_config')
    kind = config.take('type', 'optim_wrapper.type', 'OptimizerHook')
    check_choice('optimizer_config.type', kind, _OPTIMIZER_HOOKS)
    accumulates, is_half = _OPTIMIZER_HOOKS[kind]
    fp16 = cfg.enter('fp16') if 'fp16' in cfg else config
    if 'fp16' in cfg or is_half:
        wrapper['type'] = 'AmpOptimWrapper'
        scale = fp16.take('loss_scale', 'optim_wrapper.loss_scale')  # a number, dict or 'dynamic'
        wrapper['loss_scale'] = _LOSS_SCALE if scale is None else scale
    if 'fp16' in cfg:
        fp16.finish()
    wrapper['optimizer'] = arguments
    if paramwise:
        wrapper['paramwise_cfg'] = paramwise
    if constructor not in (None, 'DefaultOptimizerConstructor'):
        wrapper['constructor'] = constructor
    clip = config.take('grad_clip', 'optim_wrapper.clip_grad')
    if clip:
        wrapper['clip_grad'] = clip
    if accumulates:
        count = config.require('cumulative_iters', 'optim_wrapper.accumulative_counts')
        wrapper['accumulative_counts'] = count
    config.drop('gradients are summed by DDP', 'coalesce', 'bucket_size_mb')
    config.finish()
    return wrapper if arguments else None


def translate_schedules(
    cfg: Section, length: int, by_epoch: bool, legacy: bool
) -> list[dict[str, Any]]:
    """Translate ``lr_config`` and ``momentum_config``.

    Args:
        cfg: The whole config.
        length: Epochs, or iterations, of the training.
        by_epoch: Whether ``length`` counts epochs.
        legacy: Whether warm-up reaches the full rate after ``warmup_iters`` iterations exactly, as
            in 0.x, instead of one earlier.
    """
    base = cfg.content.get('optimizer') or {}
    schedulers = []
    if cfg.content.get('lr_config'):
        section = cfg.enter('lr_config')
        schedulers += _translate_warmup(section, legacy)
        schedulers += _translate_policy(section, 'LR', base, length, by_epoch, legacy)
        section.finish()
    if cfg.content.get('momentum_config'):
        section = cfg.enter('momentum_config')
        schedulers += _translate_policy(section, 'Momentum', base, length, by_epoch, legacy)
        section.finish()
    cfg.mark('lr_config', 'momentum_config')
    return schedulers


def _translate_warmup(section: Section, legacy: bool) -> list[dict[str, Any]]:
    kind = section.take('warmup', 'param_scheduler[0]')
    count = section.take('warmup_iters', 'param_scheduler[0].end', 0)
    ratio = section.take('warmup_ratio', 'param_scheduler[0].start_factor', 0.1)
    in_epochs = section.take('warmup_by_epoch', 'param_scheduler[0].by_epoch', False)
    if kind is None:
        return []
    check_choice(section.place('warmup'), kind, ('linear', 'constant', 'exp'))
    span: dict[str, Any] = dict(begin=0, end=count + (1 if legacy else 0), by_epoch=False)
    if in_epochs:  # both generations warm up iteration by iteration
        span = dict(begin=0, end=count, by_epoch=True, convert_to_iter_based=True)
    names = dict(linear='LinearLR', constant='ConstantLR', exp='ExpWarmupLR')
    factor = 'factor' if kind == 'constant' else 'start_factor'
    return [{'type': names[kind], factor: ratio, **span}]


def _translate_policy(
    section: Section,
    suffix: str,
    optimizer: Mapping[str, Any],
    length: int,
    by_epoch: bool,
    legacy: bool,
) -> list[dict[str, Any]]:
    """Translate what follows the warm-up.

    Args:
        section: ``lr_config`` or ``momentum_config``.
        suffix: 'LR' or 'Momentum', how schedulers of the value are called.
        optimizer: Its config, for the value to begin with.
        length: Epochs, or iterations, of the training.
        by_epoch: Whether ``length`` counts epochs.
        legacy: As in :func:`translate_schedules`.
    """
    policy = section.take('policy', f'param_scheduler.type, a form of {suffix}', 'fixed')
    per_epoch = section.take('by_epoch', 'param_scheduler.by_epoch', by_epoch)
    steps = dict(by_epoch=per_epoch)
    if by_epoch and not per_epoch and policy in ('CosineAnnealing', 'poly'):
        steps = dict(by_epoch=True, convert_to_iter_based=True)  # over all iterations
    key = 'lr' if suffix == 'LR' else 'momentum'
    low = section.take(f'min_{key}', 'param_scheduler.eta_min')
    ratio = section.take(f'min_{key}_ratio', 'param_scheduler.eta_min_ratio')
    floor = {'eta_min': low} if low is not None else {}
    floor |= {'eta_min_ratio': ratio} if ratio is not None else {}
    if policy == 'fixed':
        return []
    if policy == 'step':
        start = optimizer.get(key, optimizer.get('betas', (None,))[0])
        return _translate_steps(section, suffix, steps, start, low)
    if policy == 'CosineAnnealing':
        return [dict(type=f'CosineAnnealing{suffix}', T_max=length, end=length, **floor, **steps)]
    if policy == 'poly':
        power = section.take('power', 'param_scheduler.power', 1.0)
        end = length + (1 if legacy else 0)
        return [dict(type=f'Poly{suffix}', power=power, end=end, **floor, **steps)]
    if policy == 'exp':
        gamma = section.require('gamma', 'param_scheduler.gamma')
        return [dict(type=f'Exponential{suffix}', gamma=gamma, **steps)]
    raise ConfigError(
        f'{section.place("policy")} must be one of {["fixed", "step", *_POLICIES]}, got '
        f'{policy!r}: write param_scheduler by hand'
    )


def _translate_steps(
    section: Section, suffix: str, steps: dict[str, Any], start: float | None, low: float | None
) -> list[dict[str, Any]]:
    """Translate drops by a factor at given times, or regularly, down to ``low``."""
    times = section.require('step', 'param_scheduler.milestones')
    gamma = section.take('gamma', 'param_scheduler.gamma', 0.1 if suffix == 'LR' else 0.5)
    if isinstance(times, int):
        if low is not None:
            raise ConfigError(
                f'{section.path} must have no minimum beside an integer step: list the steps'
            )
        return [dict(type=f'Step{suffix}', step_size=times, gamma=gamma, **steps)]
    times = list(times)
    whole = len(times)
    if low is not None and start is not None:
        whole = next((i for i in range(len(times)) if start * gamma ** (i + 1) < low), whole)
    schedulers = [dict(type=f'MultiStep{suffix}', milestones=times[:whole], gamma=gamma, **steps)]
    if whole < len(times) and start is not None and low is not None:
        last = low / (start * gamma**whole)
        schedulers += [
            dict(type=f'MultiStep{suffix}', milestones=[times[whole]], gamma=last, **steps)
        ]
    return [scheduler for scheduler in schedulers if scheduler['milestones']]
