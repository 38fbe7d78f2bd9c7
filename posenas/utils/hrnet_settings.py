"""Settings of HRNet, SimpleBaseline, FPD and PoseNAS, and what they are on configs of today."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from posenas.utils.errors import ConfigError
from posenas.utils.mmpose0_settings import RULES as MMPOSE0_RULES
from posenas.utils.old_rules import (
    Notice,
    Options,
    Refusal,
    Rule,
    Value,
    metric_place,
    require_scheduler,
    set_pretrained,
)

_SPLITS = ('train', 'val', 'test')
_TESTS = ('val', 'test')
#: Network, data set or optimizer there -> class of today.
_CLASSES = dict(
    pose_hrnet='HRNet',
    hourglass='Hourglass',
    pose_resnet='ResNet',
    Auto_Pose='PoseNAS',
    coco='CocoDataset',
    mpii='MpiiDataset',
)
_SETS = dict(valid='val')
_ANOTHER = 'take the config of that network and data, or write the settings in a YAML file'
_PIPELINE = 'train_dataloader.dataset.pipeline'


def _network(cfg: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return place and config of the network that is trained: in a distillation the student."""
    model = cfg.get('model') or {}
    return ('model.student', model['student']) if 'student' in model else ('model', model)


def _plain(value: Value) -> Value:
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _same(find: Callable[[Mapping[str, Any]], Value]) -> Rule:
    """Accept the value that the config has, which ``find`` takes out of it; refuse others."""

    def read(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
        wanted = _CLASSES.get(value, value) if isinstance(value, str) else value
        found = find(cfg)
        if _plain(wanted) != _plain(found):
            raise ConfigError(f'{key} must match the config, {found!r}, got {value!r}: {_ANOTHER}')
        return {}

    return read


def _of_codec(name: str) -> Rule:
    return _same(lambda cfg: (cfg.get('codec') or {}).get(name))


def _of_network(*path: str, default: Value = None) -> Rule:
    def find(cfg: Mapping[str, Any]) -> Value:
        value: Value = _network(cfg)[1]
        for name in path:
            value = (value or {}).get(name)
        return default if value is None else value

    return _same(find)


def _set_network(name: str, convert: Callable[[Value], Value] = lambda value: value) -> Rule:
    return lambda cfg, _, value: {f'{_network(cfg)[0]}.{name}': convert(value)}


def _of_split(split: str) -> Rule:
    """Accept the name of the split that the config has."""

    def read(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
        file = str(_dataset(cfg, split).get('ann_file'))
        if not Path(file).stem.endswith(_SETS.get(value, value)):
            raise ConfigError(f'{key} must be the set of {file}, got {value}: {_ANOTHER}')
        return {}

    return read


def _dataset(cfg: Mapping[str, Any], split: str) -> Mapping[str, Any]:
    return (cfg.get(f'{split}_dataloader') or {}).get('dataset') or {}


def _read_root(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    root = _dataset(cfg, 'train').get('data_root') or ''
    if Path(value) != Path(root):
        raise ConfigError(f'{key} must match the config, {root}, got {value}: link your data there')
    return {}


def _find_step(cfg: Mapping[str, Any], kind: str, argument: str | None = None) -> str | None:
    """Find the place of a step of the training pipeline that sets ``argument``."""
    steps: Sequence[Mapping[str, Any]] = _dataset(cfg, 'train').get('pipeline') or []
    for index, step in enumerate(steps):
        if step.get('type') == kind and (argument is None or argument in step):
            return f'{_PIPELINE}.{index}'
    return None


def _set_step(
    kind: str, argument: str, convert: Callable[[Value], Value], off: Callable[[Value], bool]
) -> Rule:
    """Set an argument of a random step; where the pipeline has none, only what turns it off."""

    def read(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
        place = _find_step(cfg, kind)
        if place is None and not off(value):
            raise ConfigError(f'{key}={value} needs {kind} in {_PIPELINE}: write it in a file')
        return {} if place is None else {f'{place}.{argument}': convert(value)}

    return read


def _set_disturbance(argument: str, convert: Callable[[Value], Value]) -> Rule:
    """Set scales or angles of the step that draws them; some pipelines have one for shifts too."""

    def read(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
        place = _find_step(cfg, 'RandomBBoxTransform', argument)
        if place is None:
            raise ConfigError(f'{key} needs RandomBBoxTransform in {_PIPELINE}: write it in a file')
        return {f'{place}.{argument}': convert(value)}

    return read


def _read_boxes(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    """Read whose boxes are tested: the annotated ones, or those of the config's file."""
    if value:
        return {f'{split}_dataloader.dataset.bbox_file': None for split in _TESTS}
    if _dataset(cfg, 'test').get('type') == 'CocoDataset' and not _dataset(cfg, 'test').get(
        'bbox_file'
    ):
        raise ConfigError(f'{key}=False needs detected boxes: add TEST.COCO_BBOX_FILE FILE')
    return {}


def _read_threshold(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    threshold = dict(bbox_score_thr=value)
    return {f'{s}_dataloader.dataset.filter_cfg': threshold for s in _TESTS} if value > 0 else {}


def _set_metric(argument: str, values: Mapping[bool, str] | None = None) -> Rule:
    def read(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
        new = values[bool(value)] if values else value
        places = [metric_place(cfg, split, ('CocoMetric',), key) for split in _TESTS]
        return {f'{place}.{argument}': new for place in places}

    return read


def _read_pretrained(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    place, network = _network(cfg)
    return set_pretrained(f'{place}.backbone', network.get('backbone') or {}, value)


def _read_initialisation(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    return {} if value else {f'{_network(cfg)[0]}.backbone.init_cfg': None}


def _read_begin(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    if value:
        raise ConfigError(f'{key} must be 0, got {value}: use --resume for later epochs')
    return {}


def _read_steps(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    steps = [value] if isinstance(value, int) else list(value)
    return {f'{require_scheduler(cfg, ["MultiStepLR"], key).place}.milestones': steps}


def _read_channels(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    """Read the first width of PoseNAS, of which the head reads twice as many channels."""
    place = _network(cfg)[0]
    return {f'{place}.backbone.init_channels': value, f'{place}.head.in_channels': 2 * value}


def _read_depth(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    place, channels = _network(cfg)[0], 512 if value < 50 else 2048
    return {f'{place}.backbone.depth': value, f'{place}.head.in_channels': channels}


def _set_stage(stage: int, name: str) -> Rule:
    """Set what a stage of HRNet is made of; the head reads the finest map of the last one."""

    def read(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
        place = _network(cfg)[0]
        new = {f'{place}.backbone.extra.stage{stage}.{name}': value}
        is_last = (stage, name) == (4, 'num_channels')
        return new | ({f'{place}.head.in_channels': value[0]} if is_last else {})

    return read


def _read_training(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    has_teacher = 'student' in (cfg.get('model') or {})
    if (value == 'FPD') != has_teacher:
        raise ConfigError(
            f'{key}={value} does not fit the config: use posenas distill, or {_ANOTHER}'
        )
    return {}


def _set_distillation(name: str) -> Rule:
    def read(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
        if 'student' not in (cfg.get('model') or {}):
            raise ConfigError(f'{key} needs a distillation: use posenas distill, or --tcfg FILE')
        return {f'model.{name}': value}

    return read


def _set_target(cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    return {f'{_find_step(cfg, "GenerateTarget")}.use_dataset_keypoint_weights': value}


_BATCHES = tuple(f'{split}_dataloader.batch_size' for split in _TESTS)
_NO_EFFECT = Notice('it is without effect in the original too')
_CHANNELS = ('num_channels', 'num_modules', 'num_branches', 'num_blocks', 'block')
RULES: dict[str, Rule] = {
    'GPUS': Notice('one process uses one GPU; tools/dist_train.sh starts several'),
    'WORKERS': MMPOSE0_RULES['data.workers_per_gpu'],
    'PRINT_FREQ': MMPOSE0_RULES['log_config.interval'],
    'AUTO_RESUME': ('resume',),
    'OUTPUT_DIR': Refusal('--work-dir DIR'),
    'LOG_DIR': Notice('logs lie in the work dir'),
    'DATA_DIR': Refusal('a link from data to it'),
    'RANK': Notice('the launcher sets it'),
    'PIN_MEMORY': tuple(f'{split}_dataloader.pin_memory' for split in _SPLITS),
    'CUDNN.BENCHMARK': ('env_cfg.cudnn_benchmark',),
    'CUDNN.DETERMINISTIC': ('randomness.deterministic',),
    'CUDNN': Notice('cuDNN is always on'),
    'DEBUG': Notice('--debug draws what goes in, --show-dir DIR what comes out'),
    'MODEL': Refusal('model and codec'),
    'MODEL.NAME': _of_network('backbone', 'type'),
    'MODEL.NUM_JOINTS': _of_network('head', 'out_channels'),
    'MODEL.IMAGE_SIZE': _of_codec('input_size'),
    'MODEL.HEATMAP_SIZE': _of_codec('heatmap_size'),
    'MODEL.SIGMA': _of_codec('sigma'),
    'MODEL.INIT_WEIGHTS': _read_initialisation,
    'MODEL.PRETRAINED': _read_pretrained,
    'MODEL.EXTRA.NUM_LAYERS': _read_depth,
    'MODEL.EXTRA.NUM_FEATURES': _set_network('backbone.num_features'),
    'MODEL.EXTRA.NUM_STACKS': _set_network('backbone.num_stacks'),
    'MODEL.EXTRA.NUM_BLOCKS': _set_network('backbone.num_blocks'),
    **{
        f'MODEL.EXTRA.STAGE{stage}.{name.upper()}': _set_stage(stage, name)
        for stage in (2, 3, 4)
        for name in _CHANNELS
    },
    'DATASET': Refusal('train_dataloader.dataset, and that of val and test'),
    'DATASET.DATASET': _same(lambda cfg: _dataset(cfg, 'train').get('type')),
    'DATASET.ROOT': _read_root,
    'DATASET.TRAIN_SET': _of_split('train'),
    'DATASET.TEST_SET': _of_split('test'),
    'DATASET.COLOR_RGB': _of_network('data_preprocessor', 'bgr_to_rgb', default=False),
    'DATASET.FLIP': _set_step('RandomFlip', 'prob', lambda on: 0.5 * bool(on), lambda on: not on),
    'DATASET.SCALE_FACTOR': _set_disturbance('scale_factor', lambda s: (1 - s, 1 + s)),
    'DATASET.ROT_FACTOR': _set_disturbance('rotate_factor', lambda angle: 2.0 * angle),
    'DATASET.PROB_HALF_BODY': _set_step(
        'RandomHalfBody', 'prob', lambda p: max(p, 0.0), lambda p: p <= 0
    ),
    'DATASET.NUM_JOINTS_HALF_BODY': _set_step(
        'RandomHalfBody', 'min_total_keypoints', lambda count: count + 1, lambda _: True
    ),
    'DATASET.CACHE_ROOT': Notice('nothing is cached'),
    'DATASET.DATA_FORMAT': Notice('images are files'),
    'LOSS.USE_TARGET_WEIGHT': _set_network('head.loss.use_target_weight'),
    'LOSS.USE_DIFFERENT_JOINTS_WEIGHT': _set_target,
    'LOSS': _NO_EFFECT,
    'TRAIN': Refusal('train_cfg, optim_wrapper.optimizer or param_scheduler'),
    'TRAIN.TRAIN_SET': _of_split('train'),
    'TRAIN.TEST_SET': _of_split('test'),
    'TRAIN.LR': ('optim_wrapper.optimizer.lr',),
    'TRAIN.LR_STEP': _read_steps,
    'TRAIN.LR_FACTOR': MMPOSE0_RULES['lr_config.gamma'],
    'TRAIN.OPTIMIZER': _same(
        lambda cfg: str(
            ((cfg.get('optim_wrapper') or {}).get('optimizer') or {}).get('type')
        ).lower()
    ),
    'TRAIN.EPOCHS': MMPOSE0_RULES['total_epochs'],
    'TRAIN.END_EPOCH': MMPOSE0_RULES['total_epochs'],
    'TRAIN.BEGIN_EPOCH': _read_begin,
    'TRAIN.BATCH_SIZE': ('train_dataloader.batch_size',),
    'TRAIN.BATCH_SIZE_PER_GPU': ('train_dataloader.batch_size',),
    'TRAIN.SHUFFLE': ('train_dataloader.sampler.shuffle',),
    'TRAIN.RESUME': ('resume',),
    'TRAIN.CHECKPOINT': ('load_from',),
    'TRAIN.LAYERS': _set_network('backbone.layers'),
    'TRAIN.REDUCTIONS': _set_network('backbone.reductions'),
    'TRAIN.TAPS': _set_network('backbone.taps'),
    'TRAIN.INIT_CHANNELS': _read_channels,
    **dict.fromkeys(
        ('TRAIN.WD', 'TRAIN.MOMENTUM', 'TRAIN.NESTEROV', 'TRAIN.GAMMA1', 'TRAIN.GAMMA2'),
        Notice('the original does not give it to Adam'),
    ),
    'TRAIN.GENOTYPE': _NO_EFFECT,
    'TEST': Refusal('model.test_cfg, test_dataloader or test_evaluator'),
    'TEST.MODEL_FILE': Refusal('the checkpoint behind the config'),
    'TEST.BATCH_SIZE': _BATCHES,
    'TEST.BATCH_SIZE_PER_GPU': _BATCHES,
    'TEST.FLIP_TEST': _set_network('test_cfg.flip_test'),
    'TEST.SHIFT_HEATMAP': _set_network('test_cfg.shift_heatmap'),
    'TEST.POST_PROCESS': _same(
        lambda cfg: (cfg.get('codec') or {}).get('refine', True) is not None
    ),
    'TEST.USE_GT_BBOX': _read_boxes,
    'TEST.COCO_BBOX_FILE': tuple(f'{split}_dataloader.dataset.bbox_file' for split in _TESTS),
    'TEST.IMAGE_THRE': _read_threshold,
    'TEST.IN_VIS_THRE': _set_metric('keypoint_score_thr'),
    'TEST.OKS_THRE': _set_metric('nms_thr'),
    'TEST.SOFT_NMS': _set_metric('nms_mode', {True: 'soft_oks_nms', False: 'oks_nms'}),
    'TEST.NMS_THRE': _NO_EFFECT,
    'TEST.BBOX_THRE': _NO_EFFECT,
    'KD.TRAIN_TYPE': _read_training,
    'KD.TEACHER': _set_distillation('teacher_checkpoint'),
    'KD.ALPHA': _set_distillation('loss.alpha'),
}
