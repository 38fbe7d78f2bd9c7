"""Runner, hooks, logs and environment of MMPose 0.x."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posenas.convert.experiment import make_hooks, make_logging
from posenas.convert.metrics import find_metric
from posenas.convert.mmpose0_config.datasets import rename_dataset
from posenas.convert.reading import Section
from posenas.registry import METRICS
from posenas.utils import ConfigError
from posenas.utils.old_rules import rename_score

_LOGGERS = {
    'TensorboardLoggerHook': 'TensorboardVisBackend',
    'WandbLoggerHook': 'WandbVisBackend',
    'MlflowLoggerHook': 'MLflowVisBackend',
    'NeptuneLoggerHook': 'NeptuneVisBackend',
    'DvcliveLoggerHook': 'DVCLiveVisBackend',
    'ClearMLLoggerHook': 'ClearMLVisBackend',
}


@dataclass(frozen=True)
class Evaluation:
    """When and how 0.x evaluates during training.

    Attributes:
        interval: Epochs, or iterations, between evaluations.
        metrics: Names of the metrics, in 0.x's spelling.
        save_best: Score by which the best checkpoint is kept, in ours; None keeps none.
        rule: 'greater' or 'less', which of two scores is better.
        collect_device: Where results of processes are gathered.
        score_mode: What the score of a pose is made of, see :class:`CocoMetric`.
    """

    interval: int
    metrics: tuple[str, ...]
    save_best: str | None
    rule: str
    collect_device: str
    score_mode: str


def read_length(cfg: Section) -> tuple[int, bool]:
    """Return how long to train, and whether that counts epochs."""
    runner = cfg.enter('runner')
    kind = runner.take('type', 'train_cfg.by_epoch', 'EpochBasedRunner')
    if kind not in ('EpochBasedRunner', 'IterBasedRunner'):
        raise ConfigError(f'runner.type must be EpochBasedRunner or IterBasedRunner, got {kind!r}')
    by_epoch = kind == 'EpochBasedRunner'
    key = 'max_epochs' if by_epoch else 'max_iters'
    length = runner.take(key, f'train_cfg.{key}')
    runner.finish()
    old = 'total_epochs' if by_epoch else 'total_iters'
    length = cfg.take(old, f'train_cfg.{key}', length)
    if length is None:
        raise ConfigError(f'{old} or runner.{key} must be set')
    return int(length), by_epoch


def read_evaluation(cfg: Section) -> Evaluation:
    """Read ``evaluation``."""
    section = cfg.enter('evaluation')
    metrics = section.take('metric', 'val_evaluator', 'mAP')
    metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    chosen = section.take('save_best', 'default_hooks.checkpoint.save_best', True)
    usual = 'AP' if 'mAP' in metrics else metrics[0]
    indicator = section.take('key_indicator', 'default_hooks.checkpoint.save_best', usual)
    best = (indicator if chosen is True else chosen) or None
    rule = section.take('rule', 'default_hooks.checkpoint.rule')
    is_regressed = section.take('rle_score', 'val_evaluator.score_mode', False)
    on_gpu = section.take('gpu_collect', 'val_evaluator.collect_device', False)
    interval = section.take('interval', 'train_cfg.val_interval', 1)
    section.drop('files go to the work dir', 'tmpdir', 'res_folder', 'out_dir')
    section.drop('as the runner counts', 'by_epoch')
    section.finish()
    return Evaluation(
        interval=interval,
        metrics=metrics,
        save_best=_rename_score(cfg, best),
        rule=rule or ('less' if best in ('EPE', 'NME') else 'greater'),
        collect_device='gpu' if on_gpu else 'cpu',
        score_mode='bbox_rle' if is_regressed else 'bbox_keypoint',
    )


def _rename_score(cfg: Section, name: str | None) -> str | None:
    if name is None:
        return None
    if not re.match(r'AP|AR|.* AP$', name):
        return rename_score(name)
    data = cfg.enter('data')
    dataset = data.enter('val' if 'val' in data else 'test').content.get('type')
    metric = find_metric('mAP', rename_dataset(str(dataset)))
    prefix = metric.get('prefix') or METRICS.get(metric['type']).default_prefix
    return f'{prefix}/{name}'


def translate_runtime(
    cfg: Section, length: int, by_epoch: bool, evaluation: Evaluation
) -> dict[str, Any]:
    """Translate everything but model, data, optimizer and schedule."""
    runtime: dict[str, Any] = dict(default_scope='posenas')
    key = 'max_epochs' if by_epoch else 'max_iters'
    runtime['train_cfg'] = {'by_epoch': by_epoch, key: length, 'val_interval': evaluation.interval}
    runtime |= dict(val_cfg={}, test_cfg={})
    interval, backends = _translate_log(cfg)
    runtime['default_hooks'] = make_hooks(
        interval, _translate_checkpoints(cfg, by_epoch, evaluation)
    )
    hooks = cfg.take('custom_hooks', 'custom_hooks', [])
    runtime['custom_hooks'] = [dict(type='SyncBuffersHook'), *hooks]
    runtime['env_cfg'] = _translate_environment(cfg)
    runtime |= make_logging(interval, by_epoch, backends)
    return runtime | _translate_start(cfg)


def _translate_start(cfg: Section) -> dict[str, Any]:
    """Translate where a run begins and what it draws."""
    load_from = cfg.take('load_from', 'load_from')
    resume_from = cfg.take('resume_from', 'load_from and resume')
    auto = cfg.take('auto_resume', 'resume', False)
    start = dict(
        log_level=cfg.take('log_level', 'log_level', 'INFO'),
        load_from=resume_from or load_from,
        resume=True if resume_from else 'auto' if auto else False,
        find_unused_parameters=cfg.take('find_unused_parameters', 'find_unused_parameters', True),
    )
    work_dir = cfg.take('work_dir', 'work_dir')
    if work_dir:
        start['work_dir'] = work_dir
    seed = cfg.take('seed', 'randomness.seed')
    deterministic = cfg.take('deterministic', 'randomness.deterministic', False)
    if seed is not None or deterministic:
        start['randomness'] = dict(seed=seed, deterministic=deterministic)
    cfg.drop('the launcher chooses devices', 'gpu_ids', 'gpus', 'device')
    workflow = cfg.take('workflow', 'dropped: every epoch trains', [('train', 1)])
    if len(workflow) > 1:
        cfg.warn('workflow has more than one entry: the loss on validation data is not computed')
    return start


def _translate_log(cfg: Section) -> tuple[int, list[dict[str, Any]]]:
    """Return the interval of log lines and where else to log."""
    log = cfg.enter('log_config')
    interval = log.take('interval', 'default_hooks.logger.interval, log_processor.window_size', 10)
    backends: list[dict[str, Any]] = []
    for index, hook in enumerate(log.take('hooks', 'vis_backends', [])):
        section = Section(hook, f'{log.place("hooks")}[{index}]', log.notes)
        kind = section.take('type', 'vis_backends.type')
        section.drop('as default_hooks.logger', 'interval', 'by_epoch', 'ignore_last', 'reset_flag')
        if kind in _LOGGERS:
            arguments = section.rest('vis_backends')
            backends.append(dict(type=_LOGGERS[kind], **arguments))
        elif kind != 'TextLoggerHook':
            section.warn(f'{kind} has no counterpart')
        section.finish()
    log.finish()
    return interval, backends


def _translate_checkpoints(cfg: Section, by_epoch: bool, evaluation: Evaluation) -> dict[str, Any]:
    config = cfg.enter('checkpoint_config')
    interval = config.take('interval', 'default_hooks.checkpoint.interval', 1)
    hook: dict[str, Any] = dict(interval=interval)
    per_epoch = config.take('by_epoch', 'default_hooks.checkpoint.by_epoch', by_epoch)
    if not per_epoch:
        hook['by_epoch'] = False
    for key in ('max_keep_ckpts', 'save_optimizer', 'save_last', 'out_dir'):
        if key in config:
            hook[key] = config.take(key, f'default_hooks.checkpoint.{key}')
    config.drop('the file last_checkpoint names the newest', 'create_symlink')
    config.drop('written by the runner', 'meta', 'type')
    config.finish()
    if evaluation.save_best is not None:
        hook |= dict(save_best=evaluation.save_best, rule=evaluation.rule)
    return hook


def _translate_environment(cfg: Section) -> dict[str, Any]:
    return dict(
        cudnn_benchmark=cfg.take('cudnn_benchmark', 'env_cfg.cudnn_benchmark', False),
        mp_cfg=dict(
            mp_start_method=cfg.take('mp_start_method', 'env_cfg.mp_cfg.mp_start_method', 'fork'),
            opencv_num_threads=cfg.take(
                'opencv_num_threads', 'env_cfg.mp_cfg.opencv_num_threads', 0
            ),
        ),
        dist_cfg=_translate_backend(cfg.take('dist_params', 'env_cfg.dist_cfg')),
    )


def _translate_backend(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {'backend': 'nccl', **(params or {})}
