"""Settings of MMPose 0.x, and what each of them is on configs of today."""

from collections.abc import Mapping
from typing import Any

from posenas.utils.errors import ConfigError
from posenas.utils.old_rules import (
    SCHEDULE,
    Options,
    Refusal,
    Rule,
    Value,
    evaluator_places,
    find_scheduler,
    list_schedulers,
    metric_place,
    relative_path,
    rename_score,
    require_scheduler,
    set_pretrained,
)

_SPLITS = ('train', 'val', 'test')
_CHECKPOINT = 'default_hooks.checkpoint'
_HOOKS = dict(checkpoint='CheckpointHook', logger='LoggerHook')
_CODEC = Refusal('the codec, in codec, model.head.decoder and the encoders of all pipelines')
_BY_LAUNCHER = Refusal('--gpu-ids I of the command, or CUDA_VISIBLE_DEVICES')
#: Warm-up of 0.x -> class of today.
_WARMUPS = dict(linear='LinearLR', constant='ConstantLR', exp='ExpWarmupLR')
#: Policy of 0.x -> classes of today.
_POLICIES = dict(
    step=('MultiStepLR', 'StepLR'),
    CosineAnnealing=('CosineAnnealingLR',),
    poly=('PolyLR',),
    exp=('ExponentialLR',),
)
#: Metric of 0.x -> classes that score it.
_METRICS = dict(
    mAP=('CocoMetric', 'PoseTrack18Metric'),
    PCKh=('MpiiPCKAccuracy',),
    PCK=('PCKAccuracy', 'JhmdbPCKAccuracy'),
)


def _read_length(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    """Read the length of a training; schedules that last as long follow it, as in 0.x."""
    by_epoch = 'epoch' in key.lower()
    new, loop = 'max_epochs' if by_epoch else 'max_iters', cfg.get('train_cfg') or {}
    if new not in loop:
        raise ConfigError(f'{key} must fit train_cfg, which has no {new}: got {loop}')
    return {f'train_cfg.{new}': value} | {
        f'{place}.{name}': value
        for place, scheduler in list_schedulers(cfg)
        for name in ('end', 'T_max')
        if scheduler.get(name) == loop[new] and scheduler.get('by_epoch', True) == by_epoch
    }


def _read_runner(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    is_by_epoch = 'max_iters' not in (cfg.get('train_cfg') or {})
    if value != ('EpochBasedRunner' if is_by_epoch else 'IterBasedRunner'):
        raise ConfigError(f'{key}={value} does not fit the config: write train_cfg in a file')
    return {}


def _read_metric(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    """Accept the metrics that the config has."""
    names = [value] if isinstance(value, str) else list(value)
    present = {str(metric.get('type')) for _, metric in evaluator_places(cfg, 'val')}
    for name in names:
        classes = _METRICS.get(name, (name,))
        if not present & {*classes}:
            raise ConfigError(
                f'{key}={name} is not what val_evaluator measures, {sorted(present)}: '
                f'use val_evaluator="dict(type=\'{classes[0]}\', _delete_=True)", with '
                f'test_evaluator and {_CHECKPOINT}.save_best alike, or posenas test --eval {name}'
            )
    return {}


def _read_best(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    """Read by which score the best checkpoint is kept."""
    best = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('save_best')
    if value is True and best:
        return {}
    if value is True:
        score = 'auto'
    elif not value or value in ('auto', best):
        score = value or None
    else:
        score = rename_score(value, [metric for _, metric in evaluator_places(cfg, 'val')])
    return _set_hook(cfg, 'checkpoint', 'save_best', score)


def _set_hook(cfg: Mapping[str, Any], hook: str, argument: str, value: Value) -> Options:
    """Set an argument of a hook, which mmengine has by default but not in every config."""
    is_new = not (cfg.get('default_hooks') or {}).get(hook)
    new = {f'default_hooks.{hook}.type': _HOOKS[hook]} if is_new else {}
    return new | {f'default_hooks.{hook}.{argument}': value}


def _make_checkpoint_rule(argument: str) -> Rule:
    return lambda cfg, _, value: _set_hook(cfg, 'checkpoint', argument, value)


def _read_log_interval(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    return _set_hook(cfg, 'logger', 'interval', value) | {'log_processor.window_size': value}


def _read_collection(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    device = 'gpu' if value else 'cpu'
    return {
        f'{place}.collect_device': device
        for split in ('val', 'test')
        for place, _ in evaluator_places(cfg, split)
    }


def _read_warmup(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    place = find_scheduler(cfg, _WARMUPS.values())
    wanted = _WARMUPS.get(value) if value else None
    if place is None and wanted is None:
        return {}
    if place is None or wanted != place.type:
        have = f'{place.place}, a {place.type}' if place else 'no warm-up'
        raise ConfigError(f'{key}={value} does not fit the schedule, which has {have}: {SCHEDULE}')
    return {}


def _read_warmup_length(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    """Read the iterations of a warm-up; 0.x reaches the full rate one step later."""
    place = require_scheduler(cfg, _WARMUPS.values(), key)
    return {f'{place.place}.end': value + (0 if place.by_epoch else 1)}


def _read_warmup_ratio(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    place = require_scheduler(cfg, _WARMUPS.values(), key)
    return {f'{place.place}.{"factor" if place.type == "ConstantLR" else "start_factor"}': value}


def _read_policy(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    place = find_scheduler(cfg, [c for names in _POLICIES.values() for c in names])
    if (place.type if place else None) in _POLICIES.get(value, (None,)):
        return {}
    have = f'{place.place}, a {place.type}' if place else 'a constant rate'
    raise ConfigError(f'{key}={value} does not fit the schedule, which has {have}: {SCHEDULE}')


def _read_steps(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    if isinstance(value, int):
        return {f'{require_scheduler(cfg, ["StepLR"], key).place}.step_size': value}
    return {f'{require_scheduler(cfg, ["MultiStepLR"], key).place}.milestones': value}


def _make_schedule_rule(argument: str, *classes: str) -> Rule:
    def read(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
        return {f'{require_scheduler(cfg, classes, key).place}.{argument}': value}

    return read


def _read_workers(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    splits = [split for split in _SPLITS if cfg.get(f'{split}_dataloader')]
    if key.startswith('data.') and key.count('.') > 1:
        splits = [key.split('.')[1].removesuffix('_dataloader')]
    new = {f'{split}_dataloader.num_workers': value for split in splits}
    if value == 0:  # torch keeps no workers alive that do not exist
        new |= {f'{split}_dataloader.persistent_workers': False for split in splits}
    return new


def _read_file(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    """Read the annotation file of a split, which its metrics read too."""
    split = key.split('.')[1]
    dataset = (cfg.get(f'{split}_dataloader') or {}).get('dataset') or {}
    new = {f'{split}_dataloader.dataset.ann_file': relative_path(value, dataset)}
    for place, metric in evaluator_places(cfg, split) if split != 'train' else ():
        if 'ann_file' in metric:
            new[f'{place}.ann_file'] = value
    return new


def _read_images(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    split = key.split('.')[1]
    dataset = (cfg.get(f'{split}_dataloader') or {}).get('dataset') or {}
    return {f'{split}_dataloader.dataset.data_prefix.img': relative_path(value, dataset)}


def _read_type(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    return {f'{key.split(".")[1]}_dataloader.dataset.type': str(value).removeprefix('TopDown')}


def _read_boxes(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    """Read whose boxes are tested: annotated ones, or those of the file that the config names."""
    place = f'{key.split(".")[1]}_dataloader.dataset.bbox_file'
    dataset = (cfg.get(place.split('.')[0]) or {}).get('dataset') or {}
    if value:
        return {place: None}
    if not dataset.get('bbox_file'):
        raise ConfigError(f'{key}={value} needs detected boxes: use {place}=FILE')
    return {}


def _make_metric_rule(argument: str, values: Mapping[Any, Any] | None = None) -> Rule:
    def read(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
        place = metric_place(cfg, key.split('.')[1], ('CocoMetric', 'PoseTrack18Metric'), key)
        return {f'{place}.{argument}': values[bool(value)] if values else value}

    return read


def _read_half_precision(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    new: Options = {'optim_wrapper.type': 'AmpOptimWrapper'}
    return new | ({'optim_wrapper.loss_scale': value} if key.endswith('loss_scale') else {})


def _read_optimizer_hook(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    return _read_half_precision(cfg, key, value) if 'Fp16' in value else {}


def _read_resume(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    return {'load_from': value, 'resume': True} if value else {'resume': False}


def _read_auto_resume(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    return {'resume': 'auto' if value else False}


def _read_pretrained(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    backbone = (cfg.get('model') or {}).get('backbone') or {}
    return set_pretrained('model.backbone', backbone, value)


def _read_workflow(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    if [list(step) for step in value] != [['train', 1]]:
        raise ConfigError(f'{key}={value} has no counterpart: validation is set by val_cfg')
    return {}


#: Setting of 0.x -> what it is today; a rule holds for all that begins with its key.
RULES: dict[str, Rule] = {
    'total_epochs': _read_length,
    'total_iters': _read_length,
    'runner.max_epochs': _read_length,
    'runner.max_iters': _read_length,
    'runner.type': _read_runner,
    'evaluation.interval': ('train_cfg.val_interval',),
    'evaluation.start': ('train_cfg.val_begin',),
    'evaluation.metric': _read_metric,
    'evaluation.save_best': _read_best,
    'evaluation.key_indicator': _read_best,
    'evaluation.rule': _make_checkpoint_rule('rule'),
    'evaluation.gpu_collect': _read_collection,
    'optimizer': ('optim_wrapper.optimizer',),
    'optimizer.paramwise_cfg': ('optim_wrapper.paramwise_cfg',),
    'optimizer.constructor': ('optim_wrapper.constructor',),
    'optimizer_config.grad_clip': ('optim_wrapper.clip_grad',),
    'optimizer_config.cumulative_iters': ('optim_wrapper.accumulative_counts',),
    'optimizer_config.loss_scale': _read_half_precision,
    'optimizer_config.type': _read_optimizer_hook,
    'fp16.loss_scale': _read_half_precision,
    'lr_config.policy': _read_policy,
    'lr_config.step': _read_steps,
    'lr_config.gamma': _make_schedule_rule('gamma', 'MultiStepLR', 'StepLR', 'ExponentialLR'),
    'lr_config.power': _make_schedule_rule('power', 'PolyLR'),
    'lr_config.min_lr': _make_schedule_rule('eta_min', 'CosineAnnealingLR', 'PolyLR'),
    'lr_config.min_lr_ratio': _make_schedule_rule('eta_min_ratio', 'CosineAnnealingLR'),
    'lr_config.warmup': _read_warmup,
    'lr_config.warmup_iters': _read_warmup_length,
    'lr_config.warmup_ratio': _read_warmup_ratio,
    **{
        f'checkpoint_config.{name}': _make_checkpoint_rule(name)
        for name in (
            *('interval', 'by_epoch', 'max_keep_ckpts', 'out_dir', 'save_last', 'save_optimizer'),
        )
    },
    'log_config.interval': _read_log_interval,
    'log_config.hooks': Refusal('visualizer.vis_backends="[dict(type=\'LocalVisBackend\'), ...]"'),
    'data.samples_per_gpu': ('train_dataloader.batch_size',),
    'data.workers_per_gpu': _read_workers,
    **{
        f'data.{split}_dataloader.{old}': new
        for split in _SPLITS
        for old, new in {
            'samples_per_gpu': (f'{split}_dataloader.batch_size',),
            'workers_per_gpu': _read_workers,
            'shuffle': (f'{split}_dataloader.sampler.shuffle',),
            'drop_last': (f'{split}_dataloader.drop_last',),
            'pin_memory': (f'{split}_dataloader.pin_memory',),
            'persistent_workers': (f'{split}_dataloader.persistent_workers',),
        }.items()
    },
    **{
        f'data.{split}.{old}': new
        for split in _SPLITS
        for old, new in {
            'type': _read_type,
            'ann_file': _read_file,
            'img_prefix': _read_images,
            'dataset_info': (f'{split}_dataloader.dataset.metainfo',),
            'test_mode': (f'{split}_dataloader.dataset.test_mode',),
            'pipeline': Refusal(f'{split}_dataloader.dataset.pipeline.INDEX.ARGUMENT'),
            'data_cfg': _CODEC,
        }.items()
    },
    **{
        f'data.{split}.data_cfg.{old}': new
        for split in ('val', 'test')
        for old, new in {
            'use_gt_bbox': _read_boxes,
            'bbox_file': (f'{split}_dataloader.dataset.bbox_file',),
            'det_bbox_thr': (f'{split}_dataloader.dataset.filter_cfg.bbox_score_thr',),
            'image_thr': (f'{split}_dataloader.dataset.filter_cfg.bbox_score_thr',),
            'vis_thr': _make_metric_rule('keypoint_score_thr'),
            'oks_thr': _make_metric_rule('nms_thr'),
            'soft_nms': _make_metric_rule('nms_mode', {True: 'soft_oks_nms', False: 'oks_nms'}),
            'use_nms': _make_metric_rule('nms_mode', {True: 'oks_nms', False: 'none'}),
        }.items()
    },
    'model.pretrained': _read_pretrained,
    'model.keypoint_head': ('model.head',),
    'model.keypoint_head.num_deconv_filters': ('model.head.deconv_out_channels',),
    'model.keypoint_head.num_deconv_kernels': ('model.head.deconv_kernel_sizes',),
    'model.keypoint_head.num_deconv_groups': ('model.head.deconv_num_groups',),
    'model.keypoint_head.loss_keypoint': ('model.head.loss',),
    'model.keypoint_head.type': Refusal('model.head.type, with the arguments of its class'),
    'model.loss_pose': ('model.head.loss',),
    **{
        f'model.test_cfg.{name}': _CODEC
        for name in (
            *('post_process', 'modulate_kernel', 'unbiased_decoding', 'use_udp', 'target_type'),
            'valid_radius_factor',
        )
    },
    'resume_from': _read_resume,
    'auto_resume': _read_auto_resume,
    'workflow': _read_workflow,
    'seed': ('randomness.seed',),
    'deterministic': ('randomness.deterministic',),
    'dist_params': ('env_cfg.dist_cfg',),
    'cudnn_benchmark': ('env_cfg.cudnn_benchmark',),
    'mp_start_method': ('env_cfg.mp_cfg.mp_start_method',),
    'opencv_num_threads': ('env_cfg.mp_cfg.opencv_num_threads',),
    'gpu_ids': _BY_LAUNCHER,
    'gpus': _BY_LAUNCHER,
    'data_cfg': Refusal('*_dataloader.dataset for boxes, the metric for thresholds, or the codec'),
}
#: Top-level entry of 0.x -> what replaces it.
INSTEAD = {
    'total_epochs': 'train_cfg.max_epochs',
    'total_iters': 'train_cfg.max_iters',
    'runner': 'train_cfg.max_epochs or train_cfg.max_iters',
    'evaluation': 'train_cfg.val_interval, val_evaluator and default_hooks.checkpoint.save_best',
    'optimizer': 'optim_wrapper.optimizer',
    'optimizer_config': 'optim_wrapper.clip_grad or optim_wrapper.accumulative_counts',
    'fp16': "optim_wrapper.type='AmpOptimWrapper', or --amp",
    'lr_config': 'param_scheduler',
    'momentum_config': 'param_scheduler, with schedulers such as MultiStepMomentum',
    'checkpoint_config': 'default_hooks.checkpoint',
    'log_config': 'default_hooks.logger.interval or visualizer.vis_backends',
    'data': 'train_dataloader, val_dataloader or test_dataloader',
    'dataset_info': 'metainfo of every data set, such as train_dataloader.dataset.metainfo',
    'resume_from': 'load_from and resume=True, or --resume FILE',
    'workflow': 'train_cfg and val_cfg',
    'dist_params': 'env_cfg.dist_cfg',
}
