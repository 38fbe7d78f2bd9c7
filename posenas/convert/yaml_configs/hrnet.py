"""Configs of the projects around HRNet: its own, SimpleBaseline, FPD, PoseNAS."""

from collections.abc import Mapping
from typing import Any

from posenas.convert.experiment import (
    make_estimator,
    make_hooks,
    make_runtime,
    make_training,
    order_entries,
)
from posenas.convert.reading import Notes, Section
from posenas.convert.yaml_configs.hrnet_data import make_data
from posenas.convert.yaml_configs.networks import NetworkReader, make_loss, translate_network
from posenas.utils import ConfigError


def translate_hrnet_config(
    cfg: Mapping[str, Any], legacy: bool = True
) -> tuple[dict[str, Any], Notes]:
    """Translate a config of HRNet, SimpleBaseline, FPD or PoseNAS to plain training.

    Args:
        cfg: The config.
        legacy: Whether to keep the numerics of these code bases: augmentation, boxes, decoding.

    Returns:
        The config for our runner, and what was done.

    Raises:
        ConfigError: Something of it has no counterpart here, or contradicts itself.
    """
    notes = Notes()
    whole = Section(cfg, '', notes)
    model, train, test = (whole.enter(key) for key in ('MODEL', 'TRAIN', 'TEST'))
    reader = NetworkReader(model)
    num_joints = reader.take('NUM_JOINTS', 'model.head.out_channels', 16)
    codec = _read_codec(reader, test, legacy)
    interval = whole.take('PRINT_FREQ', 'default_hooks.logger.interval', 20)
    new = _translate_runtime(whole, interval)
    new['codec'] = codec
    new |= _translate_training(train, len(_list_gpus(whole)))
    loss = whole.enter('LOSS')
    data = make_data(whole, train, test, loss, codec, legacy)
    new |= data.entries
    hooks = dict(interval=1, max_keep_ckpts=1, save_best=data.headline, rule='greater')
    new['default_hooks'] = make_hooks(interval, hooks)
    backbone, head = translate_network(reader, train, num_joints)
    head['loss'] = make_loss(loss.take('USE_TARGET_WEIGHT', 'model.head.loss', True))
    loss.drop('without effect in the original', 'USE_OHKM', 'TOPK', 'TAG_PER_JOINT')
    loss.finish()
    new['model'] = make_estimator(
        data.is_rgb,
        test.take('FLIP_TEST', 'model.test_cfg.flip_test', False),
        test.take('SHIFT_HEATMAP', 'model.test_cfg.shift_heatmap', True),
        backbone=backbone,
        head=dict(head, decoder=codec),
    )
    _drop_rest(whole, reader, train, test)
    _tell_distillation(whole)
    whole.finish()
    return order_entries(new), notes


def _read_codec(reader: NetworkReader, test: Section, legacy: bool) -> dict[str, Any]:
    kind = reader.take('TARGET_TYPE', 'codec.type', 'gaussian')
    if kind != 'gaussian':
        raise ConfigError(f'TARGET_TYPE must be gaussian, got {kind!r}')
    size = tuple(reader.require('IMAGE_SIZE', 'codec.input_size'))
    default = tuple(side // 4 for side in size)
    codec = dict(
        type='MSRAHeatmap',
        input_size=size,
        heatmap_size=tuple(reader.take('HEATMAP_SIZE', 'codec.heatmap_size', default)),
        sigma=reader.take('SIGMA', 'codec.sigma', 2),
    )
    if not test.take('POST_PROCESS', 'codec.refine', True):
        codec['refine'] = None
    return codec | (dict(generation='hrnet') if legacy else {})


def _list_gpus(whole: Section) -> list[str]:
    gpus = whole.take('GPUS', 'auto_scale_lr.base_batch_size', '0')
    if isinstance(gpus, list | tuple):
        return [str(gpu) for gpu in gpus]
    return [gpu for gpu in str(gpus).strip('()[] ').split(',') if gpu.strip()]


def _translate_runtime(whole: Section, interval: int) -> dict[str, Any]:
    """Translate logs, environment and seeds."""
    cudnn = whole.enter('CUDNN')
    benchmark = cudnn.take('BENCHMARK', 'env_cfg.cudnn_benchmark', True)
    deterministic = cudnn.take('DETERMINISTIC', 'randomness.deterministic', False)
    cudnn.drop('always on', 'ENABLED')
    cudnn.finish()
    runtime = make_runtime(interval, benchmark)
    if deterministic:
        runtime['randomness'] = dict(seed=None, deterministic=True)
    return runtime


def _translate_training(train: Section, num_gpus: int) -> dict[str, Any]:
    """Translate ``TRAIN``: schedule, optimizer, weights to start from."""
    epochs = train.take('EPOCHS', 'train_cfg.max_epochs', 140)
    epochs = train.take('END_EPOCH', 'train_cfg.max_epochs', epochs)
    begin = train.take('BEGIN_EPOCH', 'train_cfg', 0)
    if begin:
        train.warn(f'BEGIN_EPOCH is {begin}: training begins at epoch 0, or resumes by --resume')
    lr = train.take('LR', 'optim_wrapper.optimizer.lr', 1e-3)
    steps = train.take('LR_STEP', 'param_scheduler[0].milestones', [90, 110])
    gamma = train.take('LR_FACTOR', 'param_scheduler[0].gamma', 0.1)
    start = train.take('CHECKPOINT', 'load_from', '')
    batch = train.content.get('BATCH_SIZE_PER_GPU', train.content.get('BATCH_SIZE', 32))
    schedule = dict(type='MultiStepLR', milestones=list(steps), gamma=gamma)
    optimizer = _translate_optimizer(train, lr)
    entries = make_training(epochs, optimizer, schedule, batch * max(num_gpus, 1))
    if start and 'LAYERS' not in train:  # PoseNAS does not read it
        entries['load_from'] = start
    return entries


def _translate_optimizer(train: Section, lr: float) -> dict[str, Any]:
    """Translate the optimizer; PoseNAS always takes Adam."""
    name = 'adam' if 'LAYERS' in train else str(train.content.get('OPTIMIZER', 'adam')).lower()
    if name == 'adam':
        reason = 'the original does not give it to Adam'
        train.drop(reason, 'OPTIMIZER', 'WD', 'MOMENTUM', 'NESTEROV')
        return dict(type='Adam', lr=lr)
    if name != 'sgd':
        raise ConfigError(f'TRAIN.OPTIMIZER must be adam or sgd, got {name!r}')
    train.take('OPTIMIZER', 'optim_wrapper.optimizer.type')
    return dict(
        type='SGD',
        lr=lr,
        momentum=train.take('MOMENTUM', 'optim_wrapper.optimizer.momentum', 0.9),
        weight_decay=train.take('WD', 'optim_wrapper.optimizer.weight_decay', 1e-4),
        nesterov=train.take('NESTEROV', 'optim_wrapper.optimizer.nesterov', False),
    )


def _tell_distillation(whole: Section) -> None:
    """Warn that a teacher is left out: the student is trained alone."""
    distilling = whole.enter('KD')
    kind = distilling.take('TRAIN_TYPE', 'plain training', 'NORMAL')
    distilling.drop('plain training', 'TEACHER', 'ALPHA')
    distilling.finish()
    if kind != 'NORMAL':
        whole.warn(
            f'KD.TRAIN_TYPE is {kind}: the translated config trains the student alone, from '
            'labels; for the teacher too use posenas distill, or posenas convert --teacher'
        )


def _drop_rest(whole: Section, reader: NetworkReader, train: Section, test: Section) -> None:
    """Account for what means nothing here."""
    whole.drop('by --work-dir', 'OUTPUT_DIR', 'LOG_DIR', 'DATA_DIR')
    whole.drop('by --resume', 'AUTO_RESUME')
    whole.drop('the launcher sets it', 'RANK')
    whole.drop('always on', 'PIN_MEMORY')
    whole.drop('by --show-dir', 'DEBUG')
    whole.drop('no part of a network', 'SEARCH')
    train.drop('by --resume', 'RESUME')
    train.drop('without effect in the original', 'GAMMA1', 'GAMMA2', 'GENOTYPE')
    train.drop('training always shuffles', 'SHUFFLE')
    test.drop('given on the command line', 'MODEL_FILE')
    test.drop('the original does not read it', 'NMS_THRE', 'BBOX_THRE')
    reader.model.drop('the original does not read it', 'TAG_PER_JOINT')
    reader.finish()
    train.drop('PoseNAS does not read it', 'CHECKPOINT')
    train.finish()
    test.finish()
