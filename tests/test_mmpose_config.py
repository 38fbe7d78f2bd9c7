"""A config as users of MMPose 1.x write it works unchanged, its scope included."""

import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from tiny_data import write_people

from posenas.engine import PoseRunner
from posenas.registry import DATASETS
from posenas.utils.config import adopt_scope
from posenas.utils.config_check import verify_config

CODECS = {
    'MSRAHeatmap': dict(sigma=2),
    'UDPHeatmap': dict(heatmap_type='gaussian', sigma=2),
}


@pytest.fixture(params=CODECS)
def cfg(request, tmp_path):
    codec = dict(type=request.param, input_size=(64, 96), heatmap_size=(16, 24))
    codec.update(CODECS[request.param])
    crop = [dict(type='LoadImage', backend_args=dict(backend='local'))]
    crop += [dict(type='GetBBoxCenterScale')]
    warp = dict(type='TopdownAffine', input_size=(64, 96), use_udp='UDP' in request.param)
    train = [
        *crop,
        dict(type='RandomFlip', direction='horizontal'),
        dict(type='RandomHalfBody'),
        dict(type='RandomBBoxTransform', rotate_factor=60, scale_factor=(0.75, 1.25)),
        warp,
        dict(type='GenerateTarget', encoder=codec),
        dict(type='PackPoseInputs'),
    ]
    # as MMPose's configs list them: they do not know what our way back to the image needs
    keys = ('id', 'img_id', 'img_path', 'ori_shape', 'img_shape', 'input_size', 'input_center')
    keys += ('input_scale', 'flip', 'flip_direction', 'flip_indices', 'raw_ann_info')
    pack = dict(type='PackPoseInputs', meta_keys=keys)
    write_people(tmp_path, 'val2017', 'annotations/person_keypoints.json')
    dataset = dict(
        type='CocoDataset',
        data_root=f'{tmp_path}/',
        data_mode='topdown',
        ann_file='annotations/person_keypoints.json',
        data_prefix=dict(img='val2017/'),
    )
    backbone = dict(type='ViPNAS_ResNet', depth=50, norm_cfg=dict(type='SyncBN'))
    head = dict(type='ViPNASHead', in_channels=608, out_channels=17, decoder=codec)
    preprocessor = dict(type='PoseDataPreprocessor', mean=[123.675] * 3, std=[58.395] * 3)
    test_dataloader = dict(
        batch_size=32,
        num_workers=0,
        drop_last=False,
        sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
        dataset=dict(dataset, test_mode=True, pipeline=[*crop, warp, pack]),
    )
    info = dict(from_file='configs/_base_/datasets/coco.py')
    schedule = dict(begin=0, end=210, milestones=[170, 200], gamma=0.1, by_epoch=True)
    return Config(
        dict(
            default_scope='mmpose',
            codec=codec,
            work_dir=f'{tmp_path}/work',
            env_cfg=dict(dist_cfg=dict(backend='nccl')),
            visualizer=dict(
                type='PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')]
            ),
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=50),
                checkpoint=dict(type='CheckpointHook', save_best='coco/AP', rule='greater'),
                visualization=dict(type='PoseVisualizationHook', enable=False),
                badcase=dict(type='BadCaseAnalysisHook', out_dir='badcase', badcase_thr=5),
            ),
            custom_hooks=[
                dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.0002, priority=49),
                dict(type='SyncBuffersHook'),
            ],
            model=dict(
                type='mmpose.TopdownPoseEstimator',
                data_preprocessor=preprocessor,
                backbone=backbone,
                head=head,
                test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
            ),
            train_cfg=dict(by_epoch=True, max_epochs=210, val_interval=10),
            val_cfg=dict(),
            test_cfg=dict(),
            optim_wrapper=dict(optimizer=dict(type='Adam', lr=5e-4)),
            param_scheduler=[dict(type='MultiStepLR', **schedule)],
            auto_scale_lr=dict(base_batch_size=512),
            train_dataloader=dict(
                batch_size=64,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=True),
                dataset=dict(dataset, pipeline=train, metainfo=info),
            ),
            val_dataloader=test_dataloader,
            test_dataloader=test_dataloader,
            val_evaluator=dict(type='CocoMetric'),
            test_evaluator=dict(type='CocoMetric'),
        )
    )


def test_it_passes_the_checks_learns_and_is_tested(cfg):
    adopt_scope(cfg)
    verify_config(cfg)
    with DefaultScope.overwrite_default_scope('posenas'):
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        runner = PoseRunner.from_cfg(cfg)
        batch = pseudo_collate([dataset[0], dataset[1]])
        losses = runner.model(**runner.model.data_preprocessor(batch, training=True), mode='loss')
        assert losses['loss_kpt'] > 0
        assert runner.test()['coco/AP'] >= 0
