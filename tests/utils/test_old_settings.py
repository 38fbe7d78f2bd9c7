"""Overrides with keys of MMPose 0.x: each becomes today's or is refused, none is ignored."""

import copy
from pathlib import Path

import pytest
from mmengine.config import Config
from source_files import ROOT

from posenas.utils import ConfigError, load_config, verify_config
from posenas.utils.config import override_config
from posenas.utils.mmpose0_settings import INSTEAD, RULES
from posenas.utils.old_rules import Refusal

TOP_DOWN = ROOT / 'configs' / 'top_down'
LSPET = TOP_DOWN / 'vipnas' / 'lspet' / 's_vipnas_res50_lspet_128x96.py'
FILES = dict(
    coco=TOP_DOWN / 'vipnas' / 'coco' / 's_vipnas_res50_coco_256x192.py',
    mpii=TOP_DOWN / 'dite_hrnet' / 'mpii' / 'ditehrnet_18_mpii_256x256.py',
    lspet=LSPET,
    search=ROOT
    / 'configs'
    / 'search'
    / 'posenas'
    / 'coco'
    / 'posenas_search_l12_c32_coco_256x192.py',
)
CHECKPOINT = 'default_hooks.checkpoint'
BOXES = 'val_dataloader.dataset'


@pytest.fixture(scope='module')
def shipped():
    return {name: load_config(path) for name, path in FILES.items()}


@pytest.fixture
def log(monkeypatch):
    lines = []
    monkeypatch.setattr(
        'posenas.utils.old_settings.tell', lambda text, *_, **__: lines.append(text)
    )
    return lines


def overridden(cfg, options):
    cfg = copy.deepcopy(cfg)
    override_config(cfg, options)
    return cfg


#: Old setting, value -> what it is today; on COCO's config unless another is named.
TRANSLATED = [
    ('total_epochs', 5, {'train_cfg.max_epochs': 5, 'param_scheduler.1.end': 5}),
    ('runner.max_epochs', 5, {'train_cfg.max_epochs': 5, 'param_scheduler.1.end': 5}),
    ('runner', dict(type='EpochBasedRunner', max_epochs=9), {'train_cfg.max_epochs': 9}),
    ('evaluation.interval', 5, {'train_cfg.val_interval': 5}),
    ('evaluation', dict(interval=7, metric='mAP'), {'train_cfg.val_interval': 7}),
    ('evaluation.start', 3, {'train_cfg.val_begin': 3}),
    ('evaluation.metric', 'mAP', {'val_evaluator.type': 'CocoMetric'}),
    ('evaluation.save_best', 'AP', {f'{CHECKPOINT}.save_best': 'coco/AP'}),
    ('evaluation.save_best', 'AR .5', {f'{CHECKPOINT}.save_best': 'coco/AR .5'}),
    ('evaluation.save_best', True, {f'{CHECKPOINT}.save_best': 'coco/AP'}),
    ('evaluation.save_best', False, {f'{CHECKPOINT}.save_best': None}),
    ('evaluation.key_indicator', 'AR', {f'{CHECKPOINT}.save_best': 'coco/AR'}),
    ('evaluation.rule', 'less', {f'{CHECKPOINT}.rule': 'less'}),
    ('evaluation.gpu_collect', True, {'val_evaluator.collect_device': 'gpu'}),
    ('optimizer.lr', 0.25, {'optim_wrapper.optimizer.lr': 0.25}),
    ('optimizer', dict(type='SGD', lr=1.0), {'optim_wrapper.optimizer.type': 'SGD'}),
    (
        'optimizer.paramwise_cfg.norm_decay_mult',
        0.0,
        {'optim_wrapper.paramwise_cfg': dict(norm_decay_mult=0.0)},
    ),
    ('optimizer_config.grad_clip.max_norm', 5, {'optim_wrapper.clip_grad': dict(max_norm=5)}),
    ('optimizer_config.grad_clip', None, {'optim_wrapper.clip_grad': None}),
    ('optimizer_config.cumulative_iters', 4, {'optim_wrapper.accumulative_counts': 4}),
    (
        'fp16.loss_scale',
        512.0,
        {'optim_wrapper.type': 'AmpOptimWrapper', 'optim_wrapper.loss_scale': 512.0},
    ),
    ('optimizer_config.type', 'Fp16OptimizerHook', {'optim_wrapper.type': 'AmpOptimWrapper'}),
    ('lr_config.policy', 'step', {'param_scheduler.1.type': 'MultiStepLR'}),
    ('lr_config.step', [3, 4], {'param_scheduler.1.milestones': [3, 4]}),
    ('lr_config.gamma', 0.5, {'param_scheduler.1.gamma': 0.5}),
    ('lr_config.warmup', 'linear', {'param_scheduler.0.type': 'LinearLR'}),
    ('lr_config.warmup_iters', 100, {'param_scheduler.0.end': 101}),
    ('lr_config.warmup_ratio', 0.5, {'param_scheduler.0.start_factor': 0.5}),
    ('checkpoint_config.interval', 2, {f'{CHECKPOINT}.interval': 2}),
    ('checkpoint_config.max_keep_ckpts', 7, {f'{CHECKPOINT}.max_keep_ckpts': 7}),
    (
        'log_config.interval',
        9,
        {'default_hooks.logger.interval': 9, 'log_processor.window_size': 9},
    ),
    (
        'data.samples_per_gpu',
        8,
        {'train_dataloader.batch_size': 8, 'val_dataloader.batch_size': 32},
    ),
    (
        'data.workers_per_gpu',
        6,
        {f'{split}_dataloader.num_workers': 6 for split in ('train', 'val', 'test')},
    ),
    ('data.workers_per_gpu', 0, {'val_dataloader.persistent_workers': False}),
    ('data.val_dataloader.samples_per_gpu', 3, {'val_dataloader.batch_size': 3}),
    (
        'data.test_dataloader.workers_per_gpu',
        3,
        {'test_dataloader.num_workers': 3, 'val_dataloader.num_workers': 2},
    ),
    ('data.train_dataloader.shuffle', False, {'train_dataloader.sampler.shuffle': False}),
    ('data.train.ann_file', 'data/coco/a.json', {'train_dataloader.dataset.ann_file': 'a.json'}),
    (
        'data.val.ann_file',
        'data/coco/b.json',
        {f'{BOXES}.ann_file': 'b.json', 'val_evaluator.ann_file': 'data/coco/b.json'},
    ),
    (
        'data.train.img_prefix',
        'elsewhere/',
        {'train_dataloader.dataset.data_prefix.img': str(Path('elsewhere').absolute())},
    ),
    (
        'data.train.type',
        'TopDownCrowdPoseDataset',
        {'train_dataloader.dataset.type': 'CrowdPoseDataset'},
    ),
    ('data.val.data_cfg.use_gt_bbox', True, {f'{BOXES}.bbox_file': None}),
    ('data.val.data_cfg.bbox_file', 'x.json', {f'{BOXES}.bbox_file': 'x.json'}),
    ('data.val.data_cfg.det_bbox_thr', 0.3, {f'{BOXES}.filter_cfg': dict(bbox_score_thr=0.3)}),
    ('data.val.data_cfg.vis_thr', 0.4, {'val_evaluator.keypoint_score_thr': 0.4}),
    ('data.test.data_cfg.oks_thr', 0.7, {'test_evaluator.nms_thr': 0.7}),
    ('data.test.data_cfg.soft_nms', True, {'test_evaluator.nms_mode': 'soft_oks_nms'}),
    ('data.test.data_cfg.use_nms', False, {'test_evaluator.nms_mode': 'none'}),
    (
        'model.pretrained',
        'w.pth',
        {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='w.pth')},
    ),
    (
        'model.keypoint_head.num_deconv_filters',
        (8, 8, 8),
        {'model.head.deconv_out_channels': (8, 8, 8)},
    ),
    ('model.test_cfg.flip_test', False, {'model.test_cfg.flip_test': False}),
    ('resume_from', 'x.pth', {'load_from': 'x.pth', 'resume': True}),
    ('auto_resume', True, {'resume': 'auto'}),
    ('workflow', [('train', 1)], {'train_cfg.by_epoch': True}),
    ('seed', 3, {'randomness.seed': 3}),
    ('deterministic', True, {'randomness.deterministic': True}),
    ('dist_params.backend', 'gloo', {'env_cfg.dist_cfg.backend': 'gloo'}),
    ('cudnn_benchmark', True, {'env_cfg.cudnn_benchmark': True}),
    ('opencv_num_threads', 2, {'env_cfg.mp_cfg.opencv_num_threads': 2}),
    ('mpii: evaluation.metric', 'PCKh', {'val_evaluator.type': 'MpiiPCKAccuracy'}),
    ('mpii: evaluation.save_best', 'PCKh@0.1', {f'{CHECKPOINT}.save_best': 'PCKh@0.11'}),
    ('lspet: evaluation.save_best', 'PCK@0.1', {f'{CHECKPOINT}.save_best': 'PCK@0.1'}),
    ('lspet: lr_config.min_lr', 1e-6, {'param_scheduler.1.eta_min': 1e-6}),
    ('lspet: total_epochs', 4, {'param_scheduler.1.T_max': 4, 'param_scheduler.1.end': 4}),
    ('search: lr_config.step', [5], {'param_scheduler.weights.0.milestones': [5]}),
    ('search: optimizer.lr', 0.5, {'optim_wrapper.optimizer.lr': 0.5}),
]
#: Old setting, value -> part of the error, which names what to use.
REFUSED = [
    ('total_iters', 5, 'train_cfg, which has no max_iters'),
    ('runner.type', 'IterBasedRunner', 'write train_cfg'),
    ('evaluation.metric', 'PCK', "type='PCKAccuracy', _delete_=True"),
    ('evaluation.res_folder', 'x', 'val_evaluator'),
    ('evaluation', {}, 'val_evaluator'),
    ('lr_config.policy', 'poly', 'param_scheduler.1, a MultiStepLR: write param_scheduler'),
    ('lr_config.step', 30, 'StepLR'),
    ('lr_config.warmup', None, 'param_scheduler.0, a LinearLR'),
    ('lr_config.min_lr', 1e-6, 'CosineAnnealingLR'),
    ('momentum_config.policy', 'step', 'MultiStepMomentum'),
    ('checkpoint_config.create_symlink', False, 'default_hooks.checkpoint'),
    ('log_config.hooks', [dict(type='TensorboardLoggerHook')], 'visualizer.vis_backends'),
    ('data.train.pipeline.2.flip_prob', 0.1, 'train_dataloader.dataset.pipeline.INDEX'),
    ('data.val.data_cfg.image_size', [96, 128], 'the codec'),
    ('data.videos_per_gpu', 2, 'train_dataloader'),
    ('model.test_cfg.post_process', 'unbiased', 'the codec'),
    ('model.keypoint_head.type', 'HeatmapHead', r'model\.head\.type'),
    ('workflow', [('train', 1), ('val', 1)], 'val_cfg'),
    ('gpu_ids', [0], '--gpu-ids'),
    ('fp16', {}, '--amp'),
    ('mpii: data.val.data_cfg.vis_thr', 0.2, 'CocoMetric'),
    ('mpii: data.val.data_cfg.use_gt_bbox', False, 'bbox_file=FILE'),
    # what nobody reads, old or not
    ('max_epochs', 3, r'train_cfg\.max_epochs'),
    ('train_confg.max_epochs', 3, "did you mean 'train_cfg'"),
    ('something.else', 1, 'entries of a config are'),
    ('backend_args.backend', 'petrel', 'nothing reads'),
]


def look_up(cfg, key):
    for part in key.split('.'):
        cfg = cfg[int(part) if part.isdigit() else part]
    return cfg


def split(shipped, key):
    name, colon, rest = key.partition(': ')
    return (shipped[name], rest) if colon else (shipped['coco'], key)


@pytest.mark.parametrize(('key', 'value', 'expected'), TRANSLATED, ids=lambda x: str(x)[:40])
def test_an_old_setting_becomes_todays_and_is_told_in_one_line(shipped, log, key, value, expected):
    cfg, key = split(shipped, key)
    new = overridden(cfg, {key: value})
    for place, wanted in expected.items():
        assert look_up(new, place) == wanted, place
    assert key.split('.')[0] not in new or key.startswith('model.')
    parts = len(value) if isinstance(value, dict) and key in ('evaluation', 'runner') else 1
    assert len(log) == (0 if key == 'model.test_cfg.flip_test' else parts)
    assert all(line.startswith(key) for line in log)


def test_configs_with_old_settings_stay_valid(shipped, log):
    taken = [row for row in TRANSLATED if ': ' not in row[0]]
    odd = ('data.train.type', 'model.keypoint_head.num_deconv_filters')  # need other settings too
    options = {key: value for key, value, _ in taken if key not in odd}
    verify_config(overridden(shipped['coco'], options))


@pytest.mark.parametrize(('key', 'value', 'message'), REFUSED, ids=lambda x: str(x)[:40])
def test_a_setting_without_a_reader_is_refused_with_what_to_use(shipped, log, key, value, message):
    cfg, key = split(shipped, key)
    with pytest.raises(ConfigError, match=message):
        overridden(cfg, {key: value})


def test_every_kind_of_rule_has_a_case():
    tried = {key.partition(': ')[2] or key for key, *_ in (*TRANSLATED, *REFUSED)}
    tried |= {
        f'{key}.{part}'
        for key, value, *_ in TRANSLATED
        if isinstance(value, dict)
        for part in value
    }
    kinds = {rule.__qualname__ for rule in RULES.values() if callable(rule)}
    assert kinds == {rule.__qualname__ for key in tried if callable(rule := RULES.get(key))}
    assert {key for key, rule in RULES.items() if isinstance(rule, Refusal)} >= {'data_cfg', 'gpus'}


def test_refusals_name_keys_that_exist(shipped):
    entries = {key for cfg in shipped.values() for key in cfg}
    for text in INSTEAD.values():
        assert any(entry in text for entry in (*entries, 'metainfo', '--amp')), text


@pytest.mark.parametrize('name', ['evaluation', 'optimizer', 'lr_config', 'data', 'total_epochs'])
def test_an_old_entry_of_a_file_is_refused_unless_it_is_in_use(shipped, name):
    content = shipped['lspet'].to_dict()
    value = 77 if name == 'total_epochs' else dict(interval=77)
    with pytest.raises(ConfigError, match=f'{name}: is an old setting that nothing reads'):
        verify_config(Config(content | {name: value}))
    used = content['train_cfg']['max_epochs'] if name == 'total_epochs' else content['env_cfg']
    verify_config(Config(content | {name: used}))
    verify_config(Config(content | {name: {}, 'resume_from': None, 'workflow': [('train', 1)]}))


def test_variables_that_custom_modules_may_read_are_not_refused(shipped):
    cfg = copy.deepcopy(shipped['lspet'])
    cfg.merge_from_dict(dict(mine='a text', custom_imports=dict(imports=['os'])))
    assert overridden(cfg, {'mine': 'another'}).mine == 'another'
