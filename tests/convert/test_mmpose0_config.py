"""Configs of MMPose 0.x: every rule of the translation, whole configs, learning rates."""

import copy
import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from posenas.apis.building import load_checked
from posenas.convert import find_config_kind, translate_config
from posenas.convert.mmpose0_config import translate_mmpose0_config
from posenas.registry import MODELS, PARAM_SCHEDULERS
from posenas.utils import ConfigError
from posenas.utils.config import load_config
from posenas.utils.config_check import verify_config
from posenas.utils.config_forms import is_mmpose0_config

VAL_FILE = 'data/coco/annotations/person_keypoints_val2017.json'
LEGACY = Path(__file__).resolve().parents[1] / 'data' / 'legacy_configs'
#: Config of 0.x -> the shipped one that describes the same network.
SHIPPED = {
    'ditehrnet_18_coco_256x192': 'ditehrnet_18_coco_256x192',
    'ditehrnet_18_coco_384x288': 'ditehrnet_18_coco_384x288',
    'ditehrnet_30_coco_256x192': 'ditehrnet_30_coco_256x192',
    'ditehrnet_30_coco_384x288': 'ditehrnet_30_coco_384x288',
    'ditehrnet_18_mpii_256x256': 'ditehrnet_18_mpii_256x256',
    'ditehrnet_30_mpii_256x256': 'ditehrnet_30_mpii_256x256',
    's_vipnas_res50_coco_256x192': 's_vipnas_res50_coco_256x192',
}


@pytest.fixture(scope='module')
def published():
    return {
        stem: load_config(LEGACY / f'{stem}.py').to_dict()
        for stem in ('ditehrnet_18_coco_256x192', 's_vipnas_res50_coco_256x192')
    }


@pytest.fixture
def dite(published):
    return copy.deepcopy(published['ditehrnet_18_coco_256x192'])


@pytest.fixture
def vipnas(published):
    return copy.deepcopy(published['s_vipnas_res50_coco_256x192'])


def change(cfg, **changes):
    """Set dotted places, written with __ for the dot, in a config of nested dicts."""
    for place, value in changes.items():
        *outer, last = place.split('__')
        inner = cfg
        for key in outer:
            inner = inner[int(key) if key.isdigit() else key]
        if value is ...:
            inner.pop(last)
        else:
            inner[last] = value
    return cfg


def change_data_cfg(cfg, splits=('train', 'val', 'test'), **changes):
    for split in splits:
        cfg['data'][split]['data_cfg'] = cfg['data'][split]['data_cfg'] | changes
    return cfg


def change_steps(cfg, kind, split='train', **changes):
    steps = [
        step | changes if step['type'] == kind else step for step in cfg['data'][split]['pipeline']
    ]
    cfg['data'][split]['pipeline'] = steps
    return cfg


def translate(cfg, legacy=True):
    return translate_mmpose0_config(cfg, legacy)[0]


def steps_of(cfg, kind, split='train'):
    steps = cfg[f'{split}_dataloader']['dataset']['pipeline']
    return [step for step in steps if step['type'] == kind]


def test_the_core_of_a_published_config(dite):
    new = translate(dite)
    codec = dict(
        type='MSRAHeatmap',
        input_size=(192, 256),
        heatmap_size=(48, 64),
        sigma=2,
        generation='0.x',
    )
    assert new['codec'] == codec
    assert new['train_cfg'] == dict(by_epoch=True, max_epochs=270, val_interval=10)
    assert new['optim_wrapper'] == dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-3))
    assert new['param_scheduler'] == [
        dict(type='LinearLR', start_factor=0.001, begin=0, end=501, by_epoch=False),
        dict(type='MultiStepLR', milestones=[170, 200], gamma=0.1, by_epoch=True),
    ]
    assert new['auto_scale_lr'] == dict(base_batch_size=256)
    assert new['find_unused_parameters'] is True
    assert new['model'] == dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(
            type='PoseDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True,
        ),
        backbone=dite['model']['backbone'],
        head=dict(
            type='HeatmapHead',
            in_channels=40,
            out_channels=17,
            deconv_out_channels=None,
            loss=dict(type='KeypointMSELoss', use_target_weight=True, square_weight=True),
            decoder=codec,
        ),
        test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
    )


def test_nothing_of_the_published_configs_is_unknown():
    for stem in SHIPPED:
        cfg = load_config(LEGACY / f'{stem}.py')
        assert find_config_kind(cfg).title == 'MMPose 0.x'
        _, notes = translate_mmpose0_config(cfg.to_dict())
        assert set(notes.unknown) <= {'default_scope'}
        assert notes.warnings == []
        verify_config(translate_config(cfg, strict=True))


@pytest.mark.parametrize('stem', SHIPPED)
def test_a_translated_network_is_the_shipped_one(stem):
    cfg = load_checked(str(LEGACY / f'{stem}.py'), strict=True)
    shipped = load_checked(SHIPPED[stem])
    init_default_scope('posenas')
    with torch.device('meta'):
        ours, theirs = (MODELS.build(c.model).state_dict() for c in (cfg, shipped))
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}
    for key in ('input_size', 'heatmap_size', 'sigma'):
        assert cfg.codec[key] == shipped.codec[key]
    assert cfg.train_cfg.max_epochs == shipped.train_cfg.max_epochs
    assert cfg.auto_scale_lr.base_batch_size == shipped.auto_scale_lr.base_batch_size


def run_schedule(cfg, epochs, epoch_length):
    """Return the learning rate at the start of every epoch and at every iteration of the first.

    The other epochs have one iteration: the warm-up ends with the first.
    """
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2e-3)
    schedulers = [PARAM_SCHEDULERS.build(dict(s, optimizer=optimizer)) for s in cfg]
    rates, first = [], []
    for epoch in range(epochs):
        rates.append(optimizer.param_groups[0]['lr'])
        for _ in range(1 if epoch else epoch_length):
            if epoch == 0:
                first.append(optimizer.param_groups[0]['lr'])
            optimizer.step()
            for scheduler in schedulers:
                if not scheduler.by_epoch:
                    scheduler.step()
        for scheduler in schedulers:
            if scheduler.by_epoch:
                scheduler.step()
    return rates, first


def test_learning_rates_are_those_of_0_x(dite):
    rates, first = run_schedule(translate(dite)['param_scheduler'], 201, 501)
    expected = {0: 2e-6, 250: 1.001e-3, 499: 1.996004e-3, 500: 2e-3}
    for iteration, rate in expected.items():
        assert first[iteration] == pytest.approx(rate, rel=1e-12)
    assert [rates[169], rates[170], rates[200]] == pytest.approx([2e-3, 2e-4, 2e-5], rel=1e-12)


def test_modern_warm_up_ends_one_iteration_earlier(dite):
    _, first = run_schedule(translate(dite, legacy=False)['param_scheduler'], 1, 501)
    assert first[499] == pytest.approx(2e-3, rel=1e-12)


@pytest.mark.parametrize(
    ('lr_config', 'rate'),
    [
        (dict(policy='fixed', warmup='constant', warmup_iters=4, warmup_ratio=0.5), [1e-3, 2e-3]),
        (
            dict(policy='fixed', warmup='exp', warmup_iters=4, warmup_ratio=0.01),
            [2e-3 * 0.01 ** (1 - i / 4) for i in range(5)] + [2e-3],
        ),
        (
            dict(policy='fixed', warmup='linear', warmup_iters=5, warmup_ratio=0.1),
            [2e-3 * (1 - 0.9 * (1 - i / 5)) for i in range(6)] + [2e-3],
        ),
    ],
    ids=lambda value: value.get('warmup') if isinstance(value, dict) else '',
)
def test_forms_of_warm_up(dite, lr_config, rate):
    _, first = run_schedule(translate(change(dite, lr_config=lr_config))['param_scheduler'], 1, 9)
    if len(rate) == 2:
        rate = rate[:1] * 4 + rate[1:]
    assert first == pytest.approx(rate + rate[-1:] * (9 - len(rate)), rel=1e-9)


@pytest.mark.parametrize(
    ('lr_config', 'rate'),
    [
        (dict(policy='step', step=3, gamma=0.5), lambda e: 2e-3 * 0.5 ** (e // 3)),
        (dict(policy='step', step=[2, 5]), lambda e: 2e-3 * 0.1 ** ((e >= 2) + (e >= 5))),
        (
            dict(policy='step', step=[2, 5], min_lr=5e-5),
            lambda e: max(5e-5, 2e-3 * 0.1 ** ((e >= 2) + (e >= 5))),
        ),
        (
            dict(policy='CosineAnnealing', min_lr=1e-4),
            lambda e: 1e-4 + 0.5 * 1.9e-3 * (1 + math.cos(math.pi * e / 10)),
        ),
        (
            dict(policy='CosineAnnealing', min_lr_ratio=0.1),
            lambda e: 2e-4 + 0.5 * 1.8e-3 * (1 + math.cos(math.pi * e / 10)),
        ),
        (
            dict(policy='poly', power=0.9, min_lr=1e-5),
            lambda e: (2e-3 - 1e-5) * (1 - e / 10) ** 0.9 + 1e-5,
        ),
        (dict(policy='exp', gamma=0.9), lambda e: 2e-3 * 0.9**e),
        (dict(policy='fixed'), lambda e: 2e-3),
    ],
    ids=lambda value: value.get('policy') if isinstance(value, dict) else '',
)
def test_forms_of_decay(dite, lr_config, rate):
    new = translate(change(dite, lr_config=lr_config, total_epochs=10))
    rates, _ = run_schedule(new['param_scheduler'], 10, 1)
    assert rates == pytest.approx([rate(e) for e in range(10)], rel=1e-9)


def test_epoch_wise_warm_up_and_iteration_wise_decay(dite):
    warm = dict(warmup='linear', warmup_iters=2, warmup_ratio=0.1, warmup_by_epoch=True)
    cosine = dict(policy='CosineAnnealing', min_lr=0.0, by_epoch=False)
    first, second = translate(change(dite, lr_config=warm | cosine))['param_scheduler']
    assert (first['end'], first['by_epoch'], first['convert_to_iter_based']) == (2, True, True)
    assert (second['T_max'], second['convert_to_iter_based']) == (270, True)


def test_momentum_follows_its_own_schedule(dite):
    momentum = dict(policy='step', step=[3], gamma=0.5)
    new = translate(change(dite, momentum_config=momentum))
    assert new['param_scheduler'][-1] == dict(
        type='MultiStepMomentum', milestones=[3], gamma=0.5, by_epoch=True
    )


def test_runners_by_iteration(dite):
    new = translate(
        change(
            dite,
            total_epochs=...,
            runner=dict(type='IterBasedRunner', max_iters=9000),
            evaluation__interval=500,
            checkpoint_config=dict(interval=500, by_epoch=False),
        )
    )
    assert new['train_cfg'] == dict(by_epoch=False, max_iters=9000, val_interval=500)
    assert new['default_hooks']['checkpoint']['by_epoch'] is False
    assert new['log_processor']['by_epoch'] is False
    assert new['param_scheduler'][-1]['by_epoch'] is False


@pytest.mark.parametrize(
    ('evaluation', 'best', 'rule', 'kind'),
    [
        (dict(interval=10, metric='mAP', key_indicator='AP'), 'coco/AP', 'greater', 'CocoMetric'),
        (dict(metric='mAP', save_best='AP'), 'coco/AP', 'greater', 'CocoMetric'),
        (dict(metric=['mAP']), 'coco/AP', 'greater', 'CocoMetric'),
        (dict(metric='PCKh', save_best='PCKh'), 'PCK', 'greater', 'MpiiPCKAccuracy'),
        (dict(metric='PCKh'), 'PCK', 'greater', 'MpiiPCKAccuracy'),
        (dict(metric='PCK', save_best='PCK', rule='less'), 'PCK', 'less', 'PCKAccuracy'),
        (dict(metric='EPE', save_best='EPE'), 'EPE', 'less', 'EPE'),
        (dict(metric='mAP', save_best=False), None, None, 'CocoMetric'),
    ],
)
def test_evaluation_names_metrics_and_the_best_checkpoint(dite, evaluation, best, rule, kind):
    new = translate(change(dite, evaluation=evaluation))
    checkpoint = new['default_hooks']['checkpoint']
    assert (checkpoint.get('save_best'), checkpoint.get('rule')) == (best, rule)
    assert new['val_evaluator'][0]['type'] == kind
    assert new['train_cfg']['val_interval'] == evaluation.get('interval', 1)


@pytest.mark.parametrize(
    ('kind', 'evaluation', 'best', 'metrics'),
    [
        (
            'TopDownCrowdPoseDataset',
            dict(metric='mAP', save_best='AP'),
            'crowdpose/AP',
            [dict(type='CocoMetric', iou_type='keypoints_crowd', use_area=False, nms_thr=0.9)],
        ),
        (
            'TopDownPoseTrack18Dataset',
            dict(metric='mAP', save_best='Total AP'),
            'posetrack18/Total AP',
            [dict(type='PoseTrack18Metric', nms_thr=0.9, ann_file=VAL_FILE)],
        ),
        (
            'FaceAFLWDataset',
            dict(metric=['NME'], save_best='NME'),
            'NME',
            [dict(type='NME', norm_mode='use_norm_item', norm_item='bbox_size')],
        ),
        (
            'PanopticDataset',
            dict(metric=['PCKh', 'EPE'], save_best='EPE'),
            'EPE',
            [dict(type='PCKAccuracy', norm_item='bbox', thr=0.2), dict(type='EPE')],
        ),
        (
            'TopDownCocoWholeBodyDataset',
            dict(metric='mAP', save_best='AP'),
            'coco-wholebody/AP',
            [dict(type='CocoWholeBodyMetric', nms_thr=0.9)],
        ),
        (
            'TopDownJhmdbDataset',
            dict(metric=['PCK', 'tPCK'], save_best='Mean PCK'),
            'Mean PCK',
            [
                dict(type='JhmdbPCKAccuracy', norm_item='bbox', thr=0.2),
                dict(type='JhmdbPCKAccuracy', norm_item='torso', thr=0.2),
            ],
        ),
    ],
)
def test_a_metric_is_that_of_the_data_set(dite, kind, evaluation, best, metrics):
    kinds = {f'data__{split}__type': kind for split in ('train', 'val', 'test')}
    new = translate(change(dite, evaluation=evaluation, **kinds))
    assert new['default_hooks']['checkpoint']['save_best'] == best
    for found, expected in zip(new['test_evaluator'], metrics, strict=True):
        assert found | expected == found


def test_results_are_gathered_where_asked(dite):
    new = translate(change(dite, evaluation=dict(metric='mAP', gpu_collect=True)))
    assert new['val_evaluator'][0]['collect_device'] == 'gpu'


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        (dict(optimizer_config=dict(grad_clip=dict(max_norm=5))), dict(clip_grad=dict(max_norm=5))),
        (
            dict(
                optimizer_config=dict(
                    type='GradientCumulativeOptimizerHook', cumulative_iters=4, grad_clip=None
                )
            ),
            dict(accumulative_counts=4),
        ),
        (dict(fp16=dict(loss_scale='dynamic')), dict(type='AmpOptimWrapper', loss_scale='dynamic')),
        (dict(fp16=dict()), dict(type='AmpOptimWrapper', loss_scale=512.0)),
        (
            dict(optimizer_config=dict(type='Fp16OptimizerHook', loss_scale=64.0)),
            dict(type='AmpOptimWrapper', loss_scale=64.0),
        ),
        (
            dict(optimizer__paramwise_cfg=dict(norm_decay_mult=0)),
            dict(paramwise_cfg=dict(norm_decay_mult=0)),
        ),
        (dict(optimizer__constructor='Mine'), dict(constructor='Mine')),
        (dict(optimizer__constructor='DefaultOptimizerConstructor'), {}),
    ],
)
def test_the_optimizer_and_how_it_steps(dite, changes, expected):
    base = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-3))
    assert translate(change(dite, **changes))['optim_wrapper'] == base | expected


def test_hooks_logs_and_environment(dite):
    new = translate(
        change(
            dite,
            checkpoint_config=dict(interval=5, max_keep_ckpts=2, create_symlink=False),
            log_config=dict(
                interval=20,
                hooks=[
                    dict(type='TextLoggerHook'),
                    dict(type='TensorboardLoggerHook'),
                    dict(type='WandbLoggerHook', init_kwargs=dict(project='x')),
                ],
            ),
            custom_hooks=[dict(type='EMAHook')],
            cudnn_benchmark=True,
            opencv_num_threads=2,
            mp_start_method='spawn',
            dist_params=dict(backend='gloo', port=29501),
            log_level='DEBUG',
            work_dir='out',
            seed=7,
            deterministic=True,
            gpu_ids=[0],
            resume_from='a.pth',
            find_unused_parameters=False,
        )
    )
    hooks = new['default_hooks']
    assert hooks['checkpoint']['interval'] == 5
    assert hooks['checkpoint']['max_keep_ckpts'] == 2
    assert hooks['logger']['interval'] == 20
    assert new['log_processor']['window_size'] == 20
    assert new['vis_backends'] == [
        dict(type='LocalVisBackend'),
        dict(type='TensorboardVisBackend'),
        dict(type='WandbVisBackend', init_kwargs=dict(project='x')),
    ]
    assert new['custom_hooks'] == [dict(type='SyncBuffersHook'), dict(type='EMAHook')]
    assert new['env_cfg'] == dict(
        cudnn_benchmark=True,
        mp_cfg=dict(mp_start_method='spawn', opencv_num_threads=2),
        dist_cfg=dict(backend='gloo', port=29501),
    )
    assert (new['log_level'], new['work_dir']) == ('DEBUG', 'out')
    assert new['randomness'] == dict(seed=7, deterministic=True)
    assert (new['load_from'], new['resume']) == ('a.pth', True)
    assert new['find_unused_parameters'] is False
    assert 'gpu_ids' not in new


def test_resuming_by_itself_and_starting_from_weights(dite):
    assert translate(change(dite, auto_resume=True))['resume'] == 'auto'
    new = translate(change(dite, auto_resume=False, load_from='b.pth'))
    assert (new['load_from'], new['resume']) == ('b.pth', False)


def test_what_cannot_be_translated_is_told(dite):
    _, notes = translate_mmpose0_config(
        change(dite, workflow=[('train', 1), ('val', 1)], log_config__hooks=[dict(type='PaviHook')])
    )
    assert len(notes.warnings) == 2
    _, notes = translate_mmpose0_config(
        change(dite, fancy=3, model__keypoint_head__frozen=1, data__train__data_cfg__odd=2)
    )
    assert {'fancy', 'model.keypoint_head.frozen', 'data.train.data_cfg.odd'} <= set(notes.unknown)


def test_unknown_keys_are_errors_on_request(dite):
    cfg = Config(change(dite, fancy=3))
    assert translate_config(cfg).model.type == 'TopdownPoseEstimator'
    with pytest.raises(ConfigError, match='no rule translates fancy'):
        translate_config(cfg, strict=True)


# ---------------------------------------------------------------------------------------- model


def test_pretrained_weights_initialise_the_backbone(dite):
    new = translate(change(dite, model__pretrained='torchvision://resnet50'))
    assert new['model']['backbone']['init_cfg'] == dict(
        type='Pretrained', checkpoint='torchvision://resnet50'
    )


HEAD = dict(type='TopdownHeatmapSimpleHead', in_channels=32, out_channels=17)
LOSS = dict(type='JointsMSELoss', use_target_weight=True)


@pytest.mark.parametrize(
    ('head', 'expected'),
    [
        (
            {},
            dict(deconv_out_channels=(256,) * 3, deconv_kernel_sizes=(4,) * 3),
        ),
        (dict(type='TopDownSimpleHead', num_deconv_layers=0), dict(deconv_out_channels=None)),
        (
            dict(num_deconv_layers=2, num_deconv_filters=(64, 32), num_deconv_kernels=(4, 3)),
            dict(deconv_out_channels=(64, 32), deconv_kernel_sizes=(4, 3)),
        ),
        (
            dict(num_deconv_layers=0, extra=dict(final_conv_kernel=3)),
            dict(deconv_out_channels=None, final_layer=dict(kernel_size=3, padding=1)),
        ),
        (
            dict(in_channels=17, num_deconv_layers=0, extra=dict(final_conv_kernel=0)),
            dict(in_channels=17, deconv_out_channels=None, final_layer=None),
        ),
        (
            dict(num_deconv_layers=0, extra=dict(num_conv_layers=2, num_conv_kernels=(3, 1))),
            dict(deconv_out_channels=None, conv_out_channels=(32, 32), conv_kernel_sizes=(3, 1)),
        ),
        (
            dict(type='ViPNASHeatmapSimpleHead'),
            dict(
                type='ViPNASHead',
                deconv_out_channels=(144,) * 3,
                deconv_kernel_sizes=(4,) * 3,
                deconv_num_groups=(16,) * 3,
            ),
        ),
        (
            dict(type='ViPNASHeatmapSimpleHead', num_deconv_groups=(8, 8, 4)),
            dict(
                type='ViPNASHead',
                deconv_out_channels=(144,) * 3,
                deconv_kernel_sizes=(4,) * 3,
                deconv_num_groups=(8, 8, 4),
            ),
        ),
    ],
)
def test_layers_of_heads(dite, head, expected):
    old = change(dite, model__keypoint_head=HEAD | head | dict(loss_keypoint=LOSS))
    new = translate(old)['model']['head']
    base = dict(type='HeatmapHead', in_channels=32, out_channels=17)
    assert {k: v for k, v in new.items() if k not in ('loss', 'decoder')} == base | expected
    MODELS.build(new)


@pytest.mark.parametrize(
    ('loss', 'legacy', 'expected'),
    [
        (LOSS, True, dict(type='KeypointMSELoss', use_target_weight=True, square_weight=True)),
        (LOSS, False, dict(type='KeypointMSELoss', use_target_weight=True)),
        (dict(type='JointsOHKMMSELoss', topk=4), True, dict(type='KeypointOHKMMSELoss', topk=4)),
        (dict(type='CombinedTargetMSELoss'), True, dict(type='CombinedTargetMSELoss')),
    ],
)
def test_losses(dite, loss, legacy, expected):
    old = change(dite, model__keypoint_head__loss_keypoint=loss)
    assert translate(old, legacy)['model']['head']['loss'] == expected


def test_the_loss_of_the_oldest_configs_stands_beside_the_head(dite):
    old = change(dite, model__keypoint_head__loss_keypoint=..., model__loss_pose=LOSS)
    assert translate(old)['model']['head']['loss']['type'] == 'KeypointMSELoss'


@pytest.mark.parametrize(
    ('head', 'backbone', 'neck'),
    [
        ({}, {}, None),
        ({}, dict(out_indices=(0, 1, 2, 3)), dict(select_index=0)),
        ({}, dict(extra=dict(stage4=dict(multiscale_output=True))), dict(select_index=0)),
        (dict(in_index=-1), dict(out_indices=(0, 3)), None),
        (dict(in_index=2), dict(out_indices=(0, 1, 2, 3)), dict(select_index=2)),
        (
            dict(
                in_channels=(8, 16),
                in_index=(0, 1),
                input_transform='resize_concat',
                align_corners=True,
            ),
            {},
            dict(select_index=(0, 1), concat=True, align_corners=True),
        ),
    ],
)
def test_heads_read_the_feature_that_0_x_read(dite, head, backbone, neck):
    old = change(dite, model__backbone=dict(type='ResNet', depth=50) | backbone)
    model = translate(change(old, model__keypoint_head=HEAD | head))['model']
    if neck is None:
        assert 'neck' not in model
    else:
        assert model['neck'] == dict(type='FeatureMapProcessor') | neck
        MODELS.build(model['neck'])
    assert model['head']['in_channels'] == (24 if 'in_channels' in head else 32)


CODEC = dict(input_size=(192, 256), heatmap_size=(48, 64), generation='0.x')


@pytest.mark.parametrize(
    ('target', 'test_cfg', 'expected'),
    [
        (dict(sigma=3), dict(post_process=True), dict(type='MSRAHeatmap', sigma=3)),
        (
            dict(sigma=2, unbiased_encoding=True),
            dict(post_process='unbiased', modulate_kernel=17),
            dict(type='MSRAHeatmap', sigma=2, unbiased=True, blur_kernel_size=17),
        ),
        (
            dict(sigma=2, unbiased_encoding=True),
            dict(unbiased_decoding=True, modulate_kernel=11),
            dict(type='MSRAHeatmap', sigma=2, unbiased=True),
        ),
        (
            dict(sigma=2),
            dict(post_process='unbiased'),
            dict(type='MSRAHeatmap', sigma=2, refine='dark'),
        ),
        (dict(sigma=2), dict(post_process=None), dict(type='MSRAHeatmap', sigma=2, refine=None)),
        (dict(sigma=2), dict(post_process=False), dict(type='MSRAHeatmap', sigma=2, refine=None)),
        (
            dict(encoding='Megvii', kernel=(13, 13)),
            dict(post_process='megvii', modulate_kernel=13),
            dict(type='MegviiHeatmap', kernel_size=13),
        ),
        (
            dict(encoding='UDP', sigma=2, target_type='GaussianHeatMap'),
            dict(use_udp=True, target_type='GaussianHeatmap', post_process='default'),
            dict(type='UDPHeatmap', sigma=2, heatmap_type='gaussian'),
        ),
        (
            dict(encoding='UDP', sigma=2, target_type='CombinedTarget', valid_radius_factor=0.07),
            dict(use_udp=True, target_type='CombinedTarget', modulate_kernel=17),
            dict(
                type='UDPHeatmap',
                sigma=2,
                heatmap_type='combined',
                radius_factor=0.07,
                blur_kernel_size=17,
            ),
        ),
    ],
)
def test_targets_and_decoding_become_one_codec(vipnas, target, test_cfg, expected):
    steps = [dict(type='TopDownGenerateTarget') | target]
    old = vipnas['data']['train']['pipeline']
    pipeline = [step for step in old if step['type'] != 'TopDownGenerateTarget']
    vipnas['data']['train']['pipeline'] = pipeline[:-1] + steps + pipeline[-1:]
    vipnas['model']['test_cfg'] = dict(flip_test=True) | test_cfg
    if target.get('encoding') == 'UDP':
        for split in ('train', 'val', 'test'):
            change_steps(vipnas, 'TopDownAffine', split, use_udp=True)
    if target.get('target_type') == 'CombinedTarget':
        vipnas['model']['keypoint_head']['out_channels'] = 51
    new = translate(vipnas)
    assert new['codec'] == CODEC | expected
    assert new['model']['head']['decoder'] == new['codec']
    (step,) = steps_of(new, 'GenerateTarget')
    assert step['encoder'] == new['codec']
    assert steps_of(new, 'TopdownAffine')[0].get('use_udp', False) == ('UDP' in expected['type'])
    verify_config(Config(new))


def test_modern_numerics_are_the_defaults_of_the_classes(vipnas):
    new = translate(vipnas, legacy=False)
    assert 'generation' not in str(new)
    assert new['train_dataloader']['drop_last'] is False
    (step,) = steps_of(new, 'RandomBBoxTransform')
    assert step == dict(
        type='RandomBBoxTransform',
        shift_factor=0.16,
        shift_prob=0.3,
        scale_factor=(0.75, 1.25),
        rotate_factor=60,
        rotate_prob=0.6,
    )


# ----------------------------------------------------------------------------------------- data


def test_the_training_pipeline_of_an_early_config(dite):
    new = translate(dite)
    steps = new['train_dataloader']['dataset']['pipeline']
    assert steps[:-3] == [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale', padding=1.25),
        dict(
            type='RandomBBoxTransform',
            shift_factor=0.16,
            shift_prob=0.3,
            scale_prob=0,
            rotate_prob=0,
            shift_once=True,
            generation='0.x',
        ),
        dict(type='RandomFlip', direction='horizontal', prob=0.5),
        dict(type='RandomHalfBody', min_total_keypoints=9, prob=0.3, padding=1.5, generation='0.x'),
        dict(
            type='RandomBBoxTransform',
            shift_prob=0,
            scale_factor=(0.75, 1.25),
            rotate_factor=60,
            rotate_prob=0.6,
            generation='0.x',
        ),
    ]
    assert [step['type'] for step in steps[-3:]] == [
        'TopdownAffine',
        'GenerateTarget',
        'PackPoseInputs',
    ]


def test_centres_move_once_only_where_0_x_moved_them(dite, vipnas):
    assert not [s for s in steps_of(translate(vipnas), 'RandomBBoxTransform') if 'shift_once' in s]
    mpii = translate(load_config(LEGACY / 'ditehrnet_18_mpii_256x256.py').to_dict())
    assert [step['shift_prob'] for step in steps_of(mpii, 'RandomBBoxTransform')] == [0]
    assert not steps_of(translate(dite), 'RandomBBoxTransform', 'val')


def test_other_transforms(vipnas):
    steps = vipnas['data']['train']['pipeline']
    steps[0] = dict(type='LoadImageFromFile', channel_order='rgb', to_float32=True)
    steps[2] = dict(type='TopDownRandomTranslation', trans_factor=0.1, trans_prob=0.5)
    steps.insert(3, dict(type='PhotometricDistortion', hue_delta=9))
    steps.insert(4, dict(type='Albumentation', transforms=[dict(type='Blur')]))
    new = translate(vipnas)['train_dataloader']['dataset']['pipeline']
    assert new[0] == dict(type='LoadImage', to_float32=True)
    assert new[2] == dict(
        type='RandomBBoxTransform',
        shift_factor=0.1,
        shift_prob=0.5,
        scale_prob=0,
        rotate_prob=0,
        generation='0.x',
    )
    assert new[3] == dict(type='PhotometricDistortion', hue_delta=9, generation='0.x')
    assert new[4] == dict(type='Albumentation', transforms=[dict(type='Blur')])


def test_metainfo_has_our_names(vipnas):
    (step,) = steps_of(translate(vipnas), 'PackPoseInputs')
    assert step['meta_keys'][-1] == 'bbox_rotation'
    assert {'img_path', 'input_center', 'input_scale', 'flip_indices'} <= set(step['meta_keys'])
    (step,) = steps_of(translate(vipnas), 'PackPoseInputs', 'val')
    assert step == dict(type='PackPoseInputs')


def test_several_levels_of_targets(vipnas):
    change_steps(vipnas, 'TopDownGenerateTarget', sigma=[3, 2])
    (step,) = steps_of(translate(vipnas), 'GenerateTarget')
    assert step['multilevel']
    assert [codec['sigma'] for codec in step['encoder']] == [3, 2]


def test_regression_of_coordinates(vipnas):
    change_steps(vipnas, 'TopDownGenerateTarget', type='TopDownGenerateTargetRegression', sigma=2)
    head = dict(type='DeepposeRegressionHead', in_channels=608, num_joints=17, out_sigma=True)
    head |= dict(loss_keypoint=dict(type='RLELoss', use_target_weight=True))
    changes = dict(model__keypoint_head=head, model__neck=dict(type='GlobalAveragePooling'))
    changes |= dict(model__test_cfg__regression_flip_shift=True, evaluation__rle_score=True)
    new = translate(change(vipnas, **changes))
    codec = dict(type='RegressionLabel', input_size=(192, 256))
    (step,) = steps_of(new, 'GenerateTarget')
    assert step['encoder'] == new['codec'] == new['model']['head']['decoder'] == codec
    assert new['model']['head']['type'] == 'RLEHead'
    assert new['model']['head']['loss'] == dict(type='RLELoss', use_target_weight=True)
    assert new['model']['test_cfg'] == dict(flip_test=True, shift_coords=True)
    assert new['test_evaluator'][0]['score_mode'] == 'bbox_rle'


def test_images_may_stay_in_the_order_of_opencv(vipnas):
    for split in ('train', 'val', 'test'):
        change_steps(vipnas, 'LoadImageFromFile', split, channel_order='bgr')
    assert translate(vipnas)['model']['data_preprocessor']['bgr_to_rgb'] is False


def test_loaders(dite):
    new = translate(change(dite, data__val_dataloader=...))
    train, val = new['train_dataloader'], new['val_dataloader']
    assert (train['batch_size'], train['num_workers'], train['drop_last']) == (32, 6, True)
    assert train['sampler'] == dict(type='DefaultSampler', shuffle=True)
    assert val['batch_size'] == 1  # as 0.x where nothing is said
    assert val['sampler'] == dict(type='DefaultSampler', shuffle=False, round_up=False)
    assert (val['drop_last'], val['pin_memory']) == (False, True)


def test_files_are_relative_to_their_folder_where_they_lie_in_it(dite):
    new = translate(change(dite, data__train__img_prefix='/mnt/elsewhere/'))
    dataset = new['train_dataloader']['dataset']
    assert dataset['data_root'] == 'data/coco'
    assert dataset['ann_file'] == 'annotations/person_keypoints_train2017.json'
    assert dataset['data_prefix'] == dict(img='/mnt/elsewhere/')
    del dite['data_root']
    dataset = translate(dite)['train_dataloader']['dataset']
    assert 'data_root' not in dataset
    assert dataset['ann_file'] == 'data/coco/annotations/person_keypoints_train2017.json'


def test_boxes_are_annotated_or_detected(dite):
    new = translate(change_data_cfg(dite, ('test',), image_thr=0.3))
    val, test = (new[f'{split}_dataloader']['dataset'] for split in ('val', 'test'))
    assert 'bbox_file' not in val
    assert test['bbox_file'].endswith('COCO_val2017_detections_AP_H_56_person.json')
    assert test['filter_cfg'] == dict(bbox_score_thr=0.3)
    assert test['generation'] == '0.x'
    new = translate(change_data_cfg(dite, ('test',), det_bbox_thr=0.4))
    assert new['test_dataloader']['dataset']['filter_cfg'] == dict(bbox_score_thr=0.4)


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({}, dict(keypoint_score_thr=0.2, nms_thr=0.9, nms_mode='oks_nms')),
        (dict(vis_thr=0.3, oks_thr=0.8), dict(keypoint_score_thr=0.3, nms_thr=0.8)),
        (dict(use_nms=False), dict(nms_mode='none')),
        (dict(soft_nms=True), dict(nms_mode='soft_oks_nms')),
    ],
)
def test_scores_of_coco(dite, changes, expected):
    (metric,) = translate(change_data_cfg(dite, **changes))['test_evaluator']
    assert metric['ann_file'] == 'data/coco/annotations/person_keypoints_val2017.json'
    assert metric['score_mode'] == 'bbox_keypoint'
    assert metric | expected == metric


def test_mpii_finds_its_head_boxes_beside_the_annotations():
    new = translate(load_config(LEGACY / 'ditehrnet_18_mpii_256x256.py').to_dict())
    dataset = new['val_dataloader']['dataset']
    assert dataset['headbox_file'] == 'data/mpii/annotations/mpii_gt_val.mat'
    assert 'headbox_file' not in new['train_dataloader']['dataset']
    assert new['val_evaluator'] == [dict(type='MpiiPCKAccuracy')]
    assert new['default_hooks']['checkpoint']['save_best'] == 'PCK'
    assert new['default_hooks']['checkpoint']['interval'] == 1


def test_some_of_the_joints_joint_weights_and_skeletons(dite):
    info = dict(dataset_name='mine', keypoint_info={})
    dite['dataset_info'] = info
    new = translate(
        change_data_cfg(dite, inference_channel=[0, 5, 6], use_different_joint_weights=True)
    )
    assert new['model']['test_cfg']['output_keypoint_indices'] == (0, 5, 6)
    assert steps_of(new, 'GenerateTarget')[0]['use_dataset_keypoint_weights'] is True
    assert new['train_dataloader']['dataset']['metainfo'] == info


def test_repeated_data_sets(dite):
    inner = dite['data']['train']
    new = translate(change(dite, data__train=dict(type='RepeatDataset', times=3, dataset=inner)))
    dataset = new['train_dataloader']['dataset']
    assert (dataset['type'], dataset['times']) == ('RepeatDataset', 3)
    assert dataset['dataset']['type'] == 'CocoDataset'


def test_configs_for_tests_alone(dite):
    del dite['data']['train'], dite['data']['val']
    new = translate(dite)
    assert 'train_dataloader' not in new
    assert 'optim_wrapper' not in new
    assert new['test_dataloader']['dataset']['type'] == 'CocoDataset'
    verify_config(Config(new))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(total_epochs=...), 'total_epochs or runner.max_epochs must be set'),
        (dict(runner=dict(type='MyRunner')), 'runner.type must be'),
        (dict(lr_config__policy='cyclic'), 'lr_config.policy must be one of'),
        (dict(lr_config__step=...), 'lr_config.step must be set'),
        (dict(optimizer_config__type='Odd'), 'optimizer_config.type must be one of'),
        (dict(evaluation__metric='mIoU'), "among .* got 'mIoU'"),
        (dict(model__keypoint_head__type='TopdownHeatmapMSMUHead'), 'MSPNHead of MMPose'),
        (dict(model__keypoint_head__type='DeepposeRegressionHead'), 'exactly for targets of'),
        (dict(model__keypoint_head__input_transform='multiple_select'), 'input_transform must be'),
        (dict(model__keypoint_head__num_deconv_layers=2), 'must have num_deconv_layers = 2'),
        (dict(model__keypoint_head__loss_keypoint__type='L1'), 'loss_keypoint.type must be'),
        (dict(model__keypoint_head__out_channels=16), 'num_output_channels must fit'),
        (dict(model__test_cfg__post_process='dark'), 'post_process must be'),
        (dict(model__test_cfg__post_process='megvii'), "must not be 'megvii'"),
        (dict(model__test_cfg__use_udp=True), 'use_udp must be True exactly'),
        (dict(data__train__type='BottomUpCocoDataset'), 'must be a data set of people'),
        (dict(data__train__pipeline__3__type='MultitaskGatherTarget'), 'has no counterpart'),
        (dict(data__train__pipeline__4__use_udp=True), 'use_udp of TopDownAffine'),
        (dict(data__train__pipeline__6__mean=[0.5] * 3), 'must be the same in all pipelines'),
        (dict(data__train__pipeline__7__encoding='Odd'), 'encoding must be in'),
        (dict(data__train__ann_file=...), 'data.train.ann_file must be set'),
        (dict(data__train__data_cfg=dict(image_size=[64, 64])), 'must be the same as in'),
        (dict(model__keypoint_head=3), 'model.keypoint_head must be a dict'),
    ],
)
def test_what_has_no_meaning_here_is_an_error_that_names_the_place(dite, changes, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        translate(change(dite, **changes))


def test_other_configs_are_left_alone():
    cfg = load_checked('s_vipnas_res50_coco_256x192')
    assert not is_mmpose0_config(cfg)
    assert translate_config(cfg) is cfg


def test_overrides_are_by_old_keys_or_by_new_ones():
    options = {
        'data.samples_per_gpu': 4,
        'total_epochs': 3,
        'train_dataloader.num_workers': 0,
        'model.test_cfg.flip_test': False,
    }
    cfg = load_checked(str(LEGACY / 'ditehrnet_18_coco_256x192.py'), options)
    assert cfg.train_dataloader.batch_size == 4
    assert cfg.train_cfg.max_epochs == 3
    assert cfg.train_dataloader.num_workers == 0
    assert cfg.model.test_cfg.flip_test is False


def test_overrides_are_taken_in_the_words_of_0x_and_in_todays():
    path = str(LEGACY / 'ditehrnet_18_coco_256x192.py')
    options = {
        'evaluation.interval': 3,
        'fp16.loss_scale': 512.0,  # not in the file
        'train_dataloader.num_workers': 0,
        'model.head.out_channels': 16,
        'model.test_cfg.flip_test': False,
    }
    cfg = load_checked(path, options)
    assert cfg.train_cfg.val_interval == 3
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.loss_scale) == ('AmpOptimWrapper', 512.0)
    assert cfg.train_dataloader.num_workers == 0
    assert cfg.model.head.out_channels == 16
    assert cfg.model.test_cfg.flip_test is False


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('evaluation.intervall', r'no rule translates evaluation\.intervall'),
        ('data.train.data_cfg.nothing', 'no rule translates'),
        ('evalution.interval', 'nothing reads evalution'),
    ],
)
def test_overrides_that_no_rule_translates_are_errors(key, message):
    with pytest.raises(ConfigError, match=message):
        load_checked(str(LEGACY / 'ditehrnet_18_coco_256x192.py'), {key: 3})
