"""Configs of PNFS, PoseNAS and FPD: the networks and recipes they become."""

import copy

import pytest
import torch
import yaml
from convert import yaml_samples as samples
from mmengine.config import Config
from mmengine.registry import init_default_scope

from posenas.apis.building import load_checked
from posenas.convert import find_config_kind, translate_config
from posenas.convert.yaml_configs import translate_hrnet_config, translate_pnfs_config
from posenas.registry import MODELS
from posenas.utils import ConfigError
from posenas.utils.config import load_config
from posenas.utils.config_check import verify_config

#: Name -> config of another project and the shipped one of the same network.
CASES = {
    'example': (samples.pnfs('example'), 'res50_cnfx3_coco_256x192'),
    'mobilenet_v2_CNFx3_coco_384x288': (
        samples.pnfs('mobilenet_v2_CNFx3_coco_384x288'),
        'mobilenet_v2_cnfx3_coco_384x288',
    ),
    'hrnet_w32_CNFx5_coco_384x288': (
        samples.pnfs('hrnet_w32_CNFx5_coco_384x288'),
        'hrnet_w32_cnfx5_coco_384x288',
    ),
    'hrnet_w32_CNFx5_mpii_256x256': (
        samples.pnfs('hrnet_w32_CNFx5_mpii_256x256'),
        'hrnet_w32_cnfx5_mpii_256x256',
    ),
    'posenas_256x192_18l_48c': (
        samples.posenas('coco', (192, 256), 18, 48),
        'posenas_l18_c48_coco_256x192',
    ),
    'posenas_256x192_18l_64c': (
        samples.posenas('coco', (192, 256), 18, 64),
        'posenas_l18_c64_coco_256x192',
    ),
    'posenas_384x288_18l_48c': (
        samples.posenas('coco', (288, 384), 18, 48),
        'posenas_l18_c48_coco_384x288',
    ),
    'posenas_384x288_18l_64c': (
        samples.posenas('coco', (288, 384), 18, 64),
        'posenas_l18_c64_coco_384x288',
    ),
    'posenas_256x256_18l_48c': (
        samples.posenas('mpii', (256, 256), 18, 48),
        'posenas_l18_c48_mpii_256x256',
    ),
    'posenas_256x256_18l_64c': (
        samples.posenas('mpii', (256, 256), 18, 64),
        'posenas_l18_c64_mpii_256x256',
    ),
    'hourglass_s4_f128': (samples.hourglass(4, 128), 'hourglass_s4_f128_mpii_256x256'),
    'hourglass_s4_f256': (
        samples.hourglass(4, 256, 'coco', (192, 256)),
        'hourglass_s4_f256_coco_256x192',
    ),
    'hrnet_w32': (samples.hrnet(32), 'hrnet_w32_coco_256x192'),
    'hrnet_w48_mpii': (samples.hrnet(48, 'mpii', (256, 256)), 'hrnet_w48_mpii_256x256'),
    'resnet_50': (samples.resnet(50), 'pose_resnet_50_coco_256x192'),
}
#: What shipped configs say of a recipe as the others do; batches of tests and files differ.
RECIPE = ('type', 'scale_factor', 'rotate_factor', 'prob', 'min_total_keypoints', 'flip_prob')


def translate(cfg, legacy=True):
    kind = find_config_kind(cfg)
    return kind.translate(copy.deepcopy(cfg), legacy)


def random_steps(cfg):
    """The steps that draw, reduced to what RECIPE names."""
    steps = cfg['train_dataloader']['dataset']['pipeline']
    drawing = [s for s in steps if 'Random' in s['type'] or 'PNFS' in s['type']]
    return [{key: step[key] for key in RECIPE if key in step} for step in drawing]


@pytest.mark.parametrize('name', CASES)
def test_every_key_is_known_and_the_config_is_valid(name):
    new, notes = translate(CASES[name][0])
    assert notes.unknown == []
    verify_config(Config(new))


@pytest.mark.parametrize('name', CASES)
def test_the_network_is_the_shipped_one(name):
    cfg, shipped = Config(translate(CASES[name][0])[0]), load_checked(CASES[name][1])
    init_default_scope('posenas')
    with torch.device('meta'):
        ours, theirs = (MODELS.build(c.model) for c in (cfg, shipped))
    shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (ours, theirs)]
    assert shapes[0] == shapes[1]
    means = [
        (m.data_preprocessor.mean, m.data_preprocessor._channel_conversion) for m in (ours, theirs)
    ]
    assert means[0][1] == means[1][1]
    assert ours.test_cfg == theirs.test_cfg


@pytest.mark.parametrize('name', CASES)
def test_the_recipe_is_the_shipped_one(name):
    new, shipped = Config(translate(CASES[name][0])[0]), load_checked(CASES[name][1])
    for key in ('type', 'input_size', 'heatmap_size', 'sigma'):
        assert new.codec[key] == shipped.codec[key]
    assert new.train_cfg.max_epochs == shipped.train_cfg.max_epochs
    assert new.optim_wrapper.optimizer == shipped.optim_wrapper.optimizer
    ours, theirs = new.param_scheduler[-1], shipped.param_scheduler[-1]
    assert (ours.milestones, ours.gamma) == (theirs.milestones, theirs.gamma)
    assert new.train_dataloader.batch_size == shipped.train_dataloader.batch_size
    assert new.model.head.loss.type == shipped.model.head.loss.type
    assert new.model.head.loss.loss_weight == 0.5
    drawn, wanted = random_steps(new), random_steps(shipped)
    assert [step['type'] for step in drawn] == [step['type'] for step in wanted]
    for step, shipped_step in zip(drawn, wanted, strict=True):
        assert step | shipped_step == step
    saved = new.default_hooks.checkpoint.save_best
    assert saved == shipped.default_hooks.checkpoint.save_best


def test_modern_numerics_leave_no_trace_of_the_original():
    new, _ = translate(CASES['hrnet_w32'][0], legacy=False)
    assert 'generation' not in str(new)
    new, _ = translate(CASES['example'][0], legacy=False)
    assert 'legacy_truncation' not in str(new)
    assert new['model']['data_preprocessor']['bgr_to_rgb'] is True


@pytest.mark.parametrize(
    ('name', 'prefix'),
    [('hourglass_s4_f128', 'data/mpii/annot/'), ('hrnet_w32', 'annotations/person_keypoints_')],
)
def test_files_of_the_hrnet_layout(name, prefix):
    new, _ = translate(CASES[name][0])
    dataset = new['val_dataloader']['dataset']
    if 'mpii' in prefix:
        assert dataset['headbox_file'] == 'data/mpii/annot/gt_valid.mat'
        assert dataset['ann_file'] == 'annot/valid.json'
    else:
        assert dataset['ann_file'] == f'{prefix}val2017.json'
        assert dataset['bbox_file'].endswith('boxes.json')
        (metric,) = new['test_evaluator']
        assert metric['ann_file'] == 'data/coco/annotations/person_keypoints_val2017.json'
        assert (metric['keypoint_score_thr'], metric['nms_thr']) == (0.2, 0.9)
        assert new['auto_scale_lr'] == dict(base_batch_size=128)


def test_given_boxes_are_told_since_tables_are_for_detected_ones():
    cfg = copy.deepcopy(CASES['posenas_256x192_18l_48c'][0])
    cfg['TEST']['USE_GT_BBOX'] = True
    new, notes = translate(cfg)
    assert 'bbox_file' not in new['test_dataloader']['dataset']
    assert any('USE_GT_BBOX' in warning for warning in notes.warnings)


def test_distillation_becomes_plain_training_and_says_so():
    kd = dict(TRAIN_TYPE='FPD', TEACHER='teacher.pth', ALPHA=0.5)
    cfg = samples.hourglass(4, 128, KD=kd)
    cfg['TRAIN']['CHECKPOINT'] = 'student.pth'
    new, notes = translate(cfg)
    assert any('trains the student alone' in warning for warning in notes.warnings)
    assert new['load_from'] == 'student.pth'
    assert 'teacher' not in str(new).lower()


def test_pretrained_files_initialise_backbones():
    init = dict(type='Pretrained', checkpoint='models/hrnet_w32.pth')
    assert translate(CASES['hrnet_w32'][0])[0]['model']['backbone']['init_cfg'] == init
    new, _ = translate(CASES['hrnet_w32_CNFx5_coco_384x288'][0])
    assert new['model']['backbone']['init_cfg'] == init
    assert 'init_cfg' not in translate(CASES['hourglass_s4_f128'][0])[0]['model']['backbone']
    cfg = copy.deepcopy(CASES['hrnet_w32'][0])
    cfg['MODEL']['INIT_WEIGHTS'] = False
    assert 'init_cfg' not in translate(cfg)[0]['model']['backbone']


def test_fabrics_as_backbones_and_levels_that_nothing_reads():
    cfg = samples.pnfs('example')
    cfg['model'] |= dict(
        backbone_net_name='meta_arch',
        backbone_pretrained_path='',
        backbone=dict(
            depth=6,
            size_types=[4, 8, 16, 32],
            factor=2,
            hidden_states_num=1,
            operators=['skip_connect', 'Sep_Conv_3x3', 'max_pool_3x3'],
            reserve_layers_num=2,
            frozen_backbone=True,
            search_alpha=True,
            search_beta=True,
            input_nodes_num=1,
        ),
    )
    cfg['model']['subnetwork_config']['cell_config'] |= dict(depth=5, cut_layers_num=2, factor=4)
    new, notes = translate(cfg)
    assert notes.unknown == []
    assert new['model']['neck']['in_channels'] == [8, 16, 32]
    assert new['model']['backbone']['frozen'] is True
    MODELS.build(new['model'])
    cfg = samples.pnfs('example')
    cfg['model']['subnetwork_config']['cell_config'] |= dict(depth=5, cut_layers_num=3)
    new, _ = translate(cfg)
    assert new['model']['head']['fabric']['num_levels'] == 4
    with torch.device('meta'):
        MODELS.build(new['model'])


@pytest.mark.parametrize('stem', ['example', 'mobilenet_v2_CNFx3_coco_384x288'])
def test_pnfs_freezes_the_backbone_whose_key_says_so(stem):
    own, other = 'frozen_resnet', 'frozen_mobilenet'
    if stem.startswith('mobilenet'):
        own, other = other, own
    cfg = samples.pnfs(stem)
    cfg['model'][other] = True
    assert 'frozen' not in translate(cfg)[0]['model']['backbone']
    cfg['model'][own] = True
    new, notes = translate(cfg)
    assert notes.unknown == []
    with torch.device('meta'):
        model = MODELS.build(new['model'])
    assert not any(p.requires_grad for p in model.backbone.parameters())
    assert all(p.requires_grad for p in model.head.parameters())


def test_other_settings_of_pnfs():
    cfg = samples.pnfs('example')
    cfg['model']['subnetwork_config']['cell_config'] |= {
        'one-shot-search': False,
        'convolution_mode': '3D',
        'hidden_states_num': 2,
    }
    cfg['train'] |= dict(aug_occlusion=True, scheduler_name='CosineAnnealingLR')
    new, notes = translate(cfg)
    head = new['model']['head']
    assert head['fabric']['share_alpha'] is False
    assert head['fabric']['hidden_states'] == 2
    assert head['representation']['mode'] == '3d'
    assert 'RandomJointOcclusion' in str(new['train_dataloader'])
    (schedule,) = new['param_scheduler']
    assert (schedule['type'], schedule['eta_min']) == ('CosineAnnealingLR', 5e-5)
    assert not notes.unknown
    verify_config(Config(new))


@pytest.mark.parametrize(
    ('published', 'strategy', 'loop'),
    [
        ('sync', None, {}),
        ('None', 'none', {}),
        ('random', 'random', dict(random_seed=2)),
        (
            'first_order_gradient',
            'first_order',
            dict(
                arch_ratio=1 / 3,
                contiguous=True,
                arch_dataloader=dict(batch_size=24),
                arch_begin_epoch=3,
                warmup_on_arch_split=True,
            ),
        ),
    ],
)
def test_strategies_of_pnfs_become_searches(published, strategy, loop):
    cfg = samples.pnfs('example')
    cfg['model']['subnetwork_config']['cell_config']['search_beta'] = False
    cfg['train'] |= dict(arch_search_strategy=published, arch_search_epoch=3)
    new, notes = translate(cfg)
    assert not notes.unknown
    is_bilevel = 'arch_ratio' in loop
    assert new['train_dataloader']['batch_size'] == (48 if is_bilevel else 24)
    if strategy is None:
        assert new['model']['type'] == 'TopdownPoseEstimator'
        assert 'arch' not in new['optim_wrapper']
    else:
        assert (new['model']['type'], new['model']['search_beta']) == ('CNFSupernet', False)
        own = dict(type='ArchSearchLoop', strategy=strategy, max_epochs=200, val_interval=1)
        assert new['train_cfg'] == own | loop
        adam = dict(optimizer=dict(type='Adam', lr=0.03, weight_decay=0.01))
        assert new['optim_wrapper']['arch'] == (adam if is_bilevel else None)
    verify_config(Config(new))


def test_an_unknown_strategy_of_pnfs_is_refused():
    cfg = samples.pnfs('example')
    cfg['train']['arch_search_strategy'] = 'third_order_gradient'
    with pytest.raises(ValueError, match='arch_search_strategy'):
        translate(cfg)


def change(cfg, section, **keys):
    cfg = copy.deepcopy(cfg)
    cfg[section] |= keys
    return cfg


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (change(samples.hrnet(32), 'MODEL', NAME='pose_unknown'), 'MODEL.NAME must be one of'),
        (change(samples.hrnet(32), 'MODEL', TARGET_TYPE='offset'), 'TARGET_TYPE must be gaussian'),
        (change(samples.hrnet(32), 'DATASET', DATASET='aic'), 'must be coco or mpii'),
        (change(samples.hrnet(32), 'TRAIN', OPTIMIZER='lamb'), 'must be adam or sgd'),
        (change(samples.hrnet(32), 'TEST', COCO_BBOX_FILE=''), 'COCO_BBOX_FILE must be set'),
        (change(samples.hrnet(32), 'MODEL', EXTRA={}), 'STAGE2.NUM_MODULES must be set'),
        (samples.posenas('coco', (192, 256), 10, 48), 'TRAIN.LAYERS must be 12 or 18'),
        (samples.resnet(77), 'NUM_LAYERS must be one of'),
        (change(samples.pnfs('example'), 'model', backbone_net_name='vgg'), 'must be one of'),
        (change(samples.pnfs('example'), 'model', input_size={}), 'input_size.w must be set'),
        (change(samples.pnfs('example'), 'model', backbone_feature_num=1), 'must be 2, 3 or 4'),
        (change(samples.pnfs('example'), 'train', scheduler_name='Poly'), 'must be one of'),
    ],
)
def test_what_has_no_meaning_here_is_an_error_that_names_the_key(cfg, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        translate(cfg)


def test_sgd_and_the_first_spelling_of_keys():
    cfg = samples.resnet(50)
    cfg['TRAIN'] |= dict(OPTIMIZER='sgd', MOMENTUM=0.8, WD=0.01, NESTEROV=True)
    del cfg['TRAIN']['BATCH_SIZE_PER_GPU']
    cfg['TRAIN']['BATCH_SIZE'] = 16
    del cfg['MODEL']['HEATMAP_SIZE']
    cfg['MODEL']['EXTRA'] |= dict(SIGMA=3)
    del cfg['MODEL']['SIGMA']
    new, notes = translate(cfg)
    assert new['optim_wrapper']['optimizer'] == dict(
        type='SGD', lr=1e-3, momentum=0.8, weight_decay=0.01, nesterov=True
    )
    assert new['train_dataloader']['batch_size'] == 16
    assert new['codec']['heatmap_size'] == (48, 64)
    assert new['codec']['sigma'] == 3
    assert notes.unknown == []


def test_yaml_files_are_read_as_data(tmp_path):
    path = tmp_path / 'w32.yaml'
    path.write_text(yaml.safe_dump(samples.hrnet(32)))
    cfg = load_checked(str(path), {'TRAIN.END_EPOCH': 3, 'train_dataloader.num_workers': 0})
    assert cfg.train_cfg.max_epochs == 3
    assert cfg.train_dataloader.num_workers == 0
    assert cfg.filename == str(path)
    path.write_text('a: !!python/object/apply:os.system [echo hi]')
    with pytest.raises(ConfigError, match='cannot be read'):
        load_config(path)


def test_numbers_that_yaml_takes_for_text_are_numbers():
    cfg = samples.hrnet(32)
    cfg['TRAIN']['LR'], cfg['WORKERS'] = yaml.safe_load('[1e-3, "3"]')
    new, _ = translate(cfg)
    assert new['optim_wrapper']['optimizer']['lr'] == 1e-3
    assert new['train_dataloader']['num_workers'] == 3


@pytest.mark.parametrize(
    ('section', 'key', 'value', 'message'),
    [
        (
            'DATASET',
            'NUM_JOINTS_HALF_BODY',
            'many',
            'DATASET.NUM_JOINTS_HALF_BODY must be a number',
        ),
        ('TRAIN', 'LR', {}, 'TRAIN.LR must be a number'),
        ('MODEL', 'IMAGE_SIZE', True, "must be a config of .*: TypeError: 'bool' object is not it"),
    ],
)
def test_values_of_another_type_are_refused(section, key, value, message):
    cfg = samples.hrnet(32)
    cfg[section][key] = value
    with pytest.raises(ConfigError, match=message):
        translate_config(Config(cfg))


def test_the_two_forms_are_told_apart():
    assert find_config_kind(samples.pnfs('example')).translate is translate_pnfs_config
    assert find_config_kind(samples.hrnet(32)).translate is translate_hrnet_config
    assert find_config_kind(dict(MODEL=dict(NAME='x'))) is None
    assert translate_config(Config(samples.hrnet(32)), strict=True).model.backbone.type == 'HRNet'


def test_other_depths_and_widths_of_posenas_say_where_their_cells_stand():
    cfg = samples.posenas('coco', (192, 256), 8, 24)
    with pytest.raises(
        ConfigError, match=r'LAYERS: 8, REDUCTIONS: \[2, 4, 6\], TAPS: \[1, 3, 5, 7'
    ):
        translate(cfg)
    cfg['TRAIN'] |= dict(REDUCTIONS=[2, 4, 6], TAPS=[1, 3, 5, 7])
    new, notes = translate(cfg)
    assert notes.unknown == []
    verify_config(Config(new))
    init_default_scope('posenas')
    with torch.device('meta'):
        model = MODELS.build(new['model'])
    assert len(model.backbone.cells) == 8
    assert model.head.final_layers[0].in_channels == 48
