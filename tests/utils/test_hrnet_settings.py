"""Settings of FPD's YAML files on shipped configs: as its run scripts give them, and one by one."""

import copy

import pytest
from source_files import ROOT

from posenas.utils import ConfigError, load_config, verify_config
from posenas.utils.config import override_config
from posenas.utils.hrnet_settings import RULES

CONFIGS = ROOT / 'configs'
FILES = dict(
    hrnet=CONFIGS / 'top_down/hrnet/coco/hrnet_w32_coco_256x192.py',
    hourglass=CONFIGS / 'top_down/hourglass/mpii/hourglass_s4_f128_mpii_256x256.py',
    posenas=CONFIGS / 'top_down/posenas/coco/posenas_l18_c48_coco_256x192.py',
    resnet=CONFIGS / 'top_down/resnet/mpii/pose_resnet_50_mpii_256x256.py',
    fpd=CONFIGS / 'distill/fpd/coco/hrnet_w32_coco_256x192_fpd_pretrained.py',
)
BOXES = 'test_dataloader.dataset.bbox_file'
STEPS = 'train_dataloader.dataset.pipeline'
#: What the published run scripts set, which the shipped configs of these networks say too, but for
#: batches, rates and weights.
SCRIPTS = dict(
    hrnet={
        'GPUS': (0, 1, 2, 3),
        'DATASET.CACHE_ROOT': 'data/cache',
        'DATASET.COLOR_RGB': True,
        'DATASET.NUM_JOINTS_HALF_BODY': 8,
        'DATASET.PROB_HALF_BODY': 0.3,
        'DATASET.DATASET': 'coco',
        'DATASET.ROOT': 'data/coco',
        'DATASET.TEST_SET': 'val2017',
        'DATASET.TRAIN_SET': 'train2017',
        'MODEL.NAME': 'pose_hrnet',
        'MODEL.NUM_JOINTS': 17,
        'MODEL.INIT_WEIGHTS': True,
        'MODEL.PRETRAINED': 'models/hrnet_w32.pth',
        'MODEL.IMAGE_SIZE': [192, 256],
        'MODEL.HEATMAP_SIZE': [48, 64],
        'MODEL.SIGMA': 2,
        'MODEL.EXTRA.STAGE2.NUM_CHANNELS': [32, 64],
        'MODEL.EXTRA.STAGE3.NUM_CHANNELS': [32, 64, 128],
        'MODEL.EXTRA.STAGE4.NUM_CHANNELS': [32, 64, 128, 256],
        'TRAIN.BATCH_SIZE_PER_GPU': 24,
        'TRAIN.BEGIN_EPOCH': 0,
        'TRAIN.END_EPOCH': 210,
        'TRAIN.LR': 0.001,
        'TRAIN.LR_STEP': [170, 200],
        'TEST.BATCH_SIZE_PER_GPU': 32,
        'TEST.USE_GT_BBOX': False,
        'DEBUG.DEBUG': False,
    },
    hourglass={
        'GPUS': (0,),
        'DATASET.COLOR_RGB': False,
        'DATASET.DATASET': 'mpii',
        'DATASET.ROOT': 'data/mpii',
        'DATASET.NUM_JOINTS_HALF_BODY': 8,
        'DATASET.PROB_HALF_BODY': -1.0,
        'DATASET.TEST_SET': 'valid',
        'DATASET.TRAIN_SET': 'train',
        'MODEL.NAME': 'hourglass',
        'MODEL.NUM_JOINTS': 16,
        'MODEL.INIT_WEIGHTS': False,
        'MODEL.IMAGE_SIZE': [256, 256],
        'MODEL.HEATMAP_SIZE': [64, 64],
        'MODEL.SIGMA': 2,
        'MODEL.EXTRA.NUM_FEATURES': 128,
        'MODEL.EXTRA.NUM_STACKS': 4,
        'MODEL.EXTRA.NUM_BLOCKS': 1,
        'TRAIN.BATCH_SIZE_PER_GPU': 4,
        'TRAIN.END_EPOCH': 140,
        'TRAIN.LR': 0.00025,
        'TEST.BATCH_SIZE_PER_GPU': 32,
    },
)


@pytest.fixture(scope='module')
def shipped():
    return {name: load_config(path) for name, path in FILES.items()}


def overridden(cfg, options):
    cfg = copy.deepcopy(cfg)
    override_config(cfg, options)
    return cfg


def look_up(cfg, key):
    for part in key.split('.'):
        cfg = cfg[int(part) if part.isdigit() else part]
    return cfg


@pytest.mark.parametrize('name', SCRIPTS)
def test_the_published_scripts_describe_the_shipped_configs(shipped, name):
    cfg = overridden(shipped[name], SCRIPTS[name])
    verify_config(cfg)
    assert cfg.train_dataloader.batch_size == SCRIPTS[name]['TRAIN.BATCH_SIZE_PER_GPU']
    backbone = cfg.model.backbone.get('init_cfg')
    assert backbone == (
        dict(type='Pretrained', checkpoint='models/hrnet_w32.pth') if name == 'hrnet' else None
    )
    cfg.train_dataloader.batch_size = shipped[name].train_dataloader.batch_size
    cfg.model.backbone = shipped[name].model.backbone
    if name == 'hrnet':  # defaults of the step, which the shipped config leaves out
        step = look_up(cfg, f'{STEPS}.2')
        assert (step.pop('prob'), step.pop('min_total_keypoints')) == (0.3, 9)
    for key in ('optim_wrapper', 'param_scheduler', 'train_dataloader', 'model', 'train_cfg'):
        assert cfg[key] == shipped[name][key], key


@pytest.mark.parametrize(
    ('name', 'key', 'value', 'expected'),
    [
        ('hrnet', 'WORKERS', 3, {'val_dataloader.num_workers': 3}),
        ('hrnet', 'PRINT_FREQ', 7, {'default_hooks.logger.interval': 7}),
        ('hrnet', 'CUDNN.BENCHMARK', True, {'env_cfg.cudnn_benchmark': True}),
        ('hrnet', 'CUDNN.DETERMINISTIC', True, {'randomness.deterministic': True}),
        ('hrnet', 'DATASET.SCALE_FACTOR', 0.25, {f'{STEPS}.3.scale_factor': (0.75, 1.25)}),
        ('hrnet', 'DATASET.ROT_FACTOR', 30, {f'{STEPS}.3.rotate_factor': 60.0}),
        ('hrnet', 'DATASET.FLIP', False, {f'{STEPS}.4.prob': 0.0}),
        ('hrnet', 'DATASET.PROB_HALF_BODY', 0.5, {f'{STEPS}.2.prob': 0.5}),
        ('hrnet', 'DATASET.NUM_JOINTS_HALF_BODY', 5, {f'{STEPS}.2.min_total_keypoints': 6}),
        ('hrnet', 'LOSS.USE_TARGET_WEIGHT', False, {'model.head.loss.use_target_weight': False}),
        (
            'hrnet',
            'LOSS.USE_DIFFERENT_JOINTS_WEIGHT',
            True,
            {f'{STEPS}.6.use_dataset_keypoint_weights': True},
        ),
        ('hrnet', 'LOSS.USE_OHKM', True, {}),
        ('hrnet', 'TRAIN.LR_FACTOR', 0.5, {'param_scheduler.0.gamma': 0.5}),
        ('hrnet', 'TRAIN.EPOCHS', 9, {'train_cfg.max_epochs': 9, 'param_scheduler.0.end': 9}),
        ('hrnet', 'TRAIN.OPTIMIZER', 'adam', {}),
        ('hrnet', 'TRAIN.WD', 0.1, {}),
        ('hrnet', 'TRAIN.SHUFFLE', False, {'train_dataloader.sampler.shuffle': False}),
        ('hrnet', 'TRAIN.CHECKPOINT', 'a.pth', {'load_from': 'a.pth'}),
        ('hrnet', 'TEST.FLIP_TEST', False, {'model.test_cfg.flip_test': False}),
        (
            'hrnet',
            'TEST.USE_GT_BBOX',
            True,
            {BOXES: None, 'val_dataloader.dataset.bbox_file': None},
        ),
        ('hrnet', 'TEST.COCO_BBOX_FILE', 'b.json', {BOXES: 'b.json'}),
        (
            'hrnet',
            'TEST.IMAGE_THRE',
            0.2,
            {'test_dataloader.dataset.filter_cfg': dict(bbox_score_thr=0.2)},
        ),
        ('hrnet', 'TEST.IN_VIS_THRE', 0.3, {'test_evaluator.keypoint_score_thr': 0.3}),
        ('hrnet', 'TEST.OKS_THRE', 0.5, {'val_evaluator.nms_thr': 0.5}),
        ('hrnet', 'TEST.SOFT_NMS', True, {'val_evaluator.nms_mode': 'soft_oks_nms'}),
        ('hrnet', 'TEST.POST_PROCESS', True, {}),
        (
            'hrnet',
            'MODEL.EXTRA.STAGE4.NUM_CHANNELS',
            [48, 96, 192, 384],
            {
                'model.backbone.extra.stage4.num_channels': [48, 96, 192, 384],
                'model.head.in_channels': 48,
            },
        ),
        ('hourglass', 'MODEL.EXTRA.NUM_FEATURES', 64, {'model.backbone.num_features': 64}),
        (
            'resnet',
            'MODEL.EXTRA.NUM_LAYERS',
            34,
            {'model.backbone.depth': 34, 'model.head.in_channels': 512},
        ),
        ('posenas', 'TRAIN.LAYERS', 12, {'model.backbone.layers': 12}),
        (
            'posenas',
            'TRAIN.INIT_CHANNELS',
            20,
            {'model.backbone.init_channels': 20, 'model.head.in_channels': 40},
        ),
        ('posenas', 'MODEL.NAME', 'Auto_Pose', {}),
        ('fpd', 'KD.TRAIN_TYPE', 'FPD', {}),
        ('fpd', 'KD.TEACHER', 't.pth', {'model.teacher_checkpoint': 't.pth'}),
        ('fpd', 'KD.ALPHA', 0.7, {'model.loss.alpha': 0.7}),
        ('fpd', 'TEST.FLIP_TEST', False, {'model.student.test_cfg.flip_test': False}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_setting_becomes_todays(shipped, name, key, value, expected):
    cfg = overridden(shipped[name], {key: value})
    verify_config(cfg)
    for place, wanted in expected.items():
        assert look_up(cfg, place) == wanted
    assert key.split('.')[0] not in cfg
    assert expected or cfg.to_dict() == shipped[name].to_dict()


@pytest.mark.parametrize(
    ('name', 'key', 'value', 'message'),
    [
        ('hrnet', 'MODEL.SIGMA', 3, 'match the config, 2, got 3'),
        ('hrnet', 'MODEL.NAME', 'pose_resnet', "'HRNet', got 'pose_resnet'"),
        ('hrnet', 'MODEL.IMAGE_SIZE', [288, 384], 'take the config of that network'),
        ('hrnet', 'MODEL.TAG_PER_JOINT', True, 'use model and codec'),
        ('hrnet', 'DATASET.ROOT', 'elsewhere', 'link your data there'),
        ('hrnet', 'DATASET.TEST_SET', 'test-dev2017', 'person_keypoints_val2017'),
        ('hrnet', 'DATASET.SELECT_DATA', True, 'train_dataloader.dataset'),
        ('hrnet', 'TRAIN.BEGIN_EPOCH', 3, '--resume'),
        ('hrnet', 'TRAIN.OPTIMIZER', 'sgd', "'adam', got 'sgd'"),
        ('hrnet', 'TRAIN.NOTHING', 1, 'optim_wrapper.optimizer'),
        ('hrnet', 'TEST.MODEL_FILE', 'a.pth', 'the checkpoint behind the config'),
        ('hrnet', 'OUTPUT_DIR', 'o', '--work-dir'),
        ('hrnet', 'KD.TRAIN_TYPE', 'FPD', 'posenas distill'),
        ('hrnet', 'KD.ALPHA', 0.5, '--tcfg'),
        ('hourglass', 'DATASET.PROB_HALF_BODY', 0.3, 'needs RandomHalfBody'),
        ('hourglass', 'TEST.OKS_THRE', 0.9, 'CocoMetric'),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_setting_that_does_not_fit_is_refused(shipped, name, key, value, message):
    with pytest.raises(ConfigError, match=message):
        overridden(shipped[name], {key: value})


def test_every_setting_begins_with_a_section_of_the_yaml_files():
    tops = {key.split('.')[0] for key in RULES}
    assert tops == {
        *('AUTO_RESUME', 'CUDNN', 'DATASET', 'DATA_DIR', 'DEBUG', 'GPUS', 'KD', 'LOG_DIR', 'LOSS'),
        *('MODEL', 'OUTPUT_DIR', 'PIN_MEMORY', 'PRINT_FREQ', 'RANK', 'TEST', 'TRAIN', 'WORKERS'),
    }
