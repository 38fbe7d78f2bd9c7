# Smallest supernet of networks for videos, on synthetic ones: for tests and for reading. In earnest
# key and light networks start from an image network: key_checkpoint, light_checkpoint.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/synthetic_video_128x96.py',
    '../../../_base_/schedules/supernet_30e.py',
]
_genes = dict(depth=(1, 2), kernel=(3, 5), groups=('dw', 8, 4), attention=(False, True))
_head = dict(
    type='ViPNASHead',
    out_channels=17,
    loss=dict(type='KeypointMSELoss', use_target_weight=True),
    decoder=_base_.codec,
)
model = dict(
    type='TViPNASSupernet',
    space=dict(
        type='TViPNASSpace',
        period=4,
        space=dict(
            type='ViPNASSpace',
            stem=dict(width=(8, 16), kernel=(3, 5)),
            stages=[
                dict(width=(16, 24), **_genes),
                dict(width=(24, 40), **_genes),
                dict(width=(32, 48), **_genes),
                dict(width=(40, 64), **_genes),
            ],
            head=dict(width=(16, 24), kernel=(2, 4), groups=('dw', 8)),
            name='vipnas_res50_tiny/1',
        ),
    ),
    key=dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(
            type='PoseDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True,
            channels_last=True,
        ),
        backbone=dict(
            type='ViPNASResNet',
            depth=50,
            wid=[16, 24, 40, 48, 64],
            dep=[None, 2, 2, 2, 2],
            ks=[5, 3, 5, 5, 5],
            group=[None, 8, 8, 8, 8],
        ),
        head=dict(
            _head,
            in_channels=64,
            deconv_out_channels=(24, 24, 24),
            deconv_num_groups=(8, 8, 8),
        ),
        test_cfg=dict(flip_test=False),
    ),
    backbone=dict(type='ViPNAS_ResNet'),
    head=_head,
)
max_epochs = 8
train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs + 1)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
# The search is scored on a fifth of the training videos of the middle level, which the supernet
# does not see.
_hidden = dict(seed=0, stop=0.2)
_middle = _base_.train_dataloader['dataset']['datasets'][1]
train_dataloader = dict(
    dataset=dict(
        datasets=[
            _base_.train_dataloader['dataset']['datasets'][0],
            dict(_middle, video_subset=dict(seed=0, start=0.2)),
            _base_.train_dataloader['dataset']['datasets'][2],
        ]
    )
)
val_dataloader = dict(
    dataset=dict(
        video_subset=_hidden,
        dataset=dict(
            ann_file=_middle['dataset']['ann_file'],
            data_prefix=_middle['dataset']['data_prefix'],
        ),
    )
)
val_evaluator = [dict(type='PCKAccuracy', thr=0.1)]
