# Pose network that comes with the library: found by edge_search_latency_people_160x128.py. Its
# training began with the weights of the supernet (--load-from), which posenas derive cut out. Chosen
# by lspet_dev and people_val; figures on other photos are in the card of the weights.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/people_mix_160x128.py',
]
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        channels_last=True,
    ),
    backbone=dict(
        type='EdgeNet',
        stem_width=32,
        stages=[
            dict(kind='fused', width=80, depth=1, expand=4, kernel=3),
            dict(kind='dense', width=96, depth=2, expand=1, kernel=3),
            dict(kind='inverted', width=64, depth=1, expand=2, kernel=3),
        ],
    ),
    neck=dict(type='TopDownFusion', in_channels=(80, 96, 64), channels=(64, 64, 64)),
    head=dict(
        type='EdgeHead',
        kind='deconv',
        width=32,
        in_channels=64,
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=_base_.codec,
    ),
    test_cfg=dict(flip_test=False),
)
max_epochs = 14
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_begin=2, val_interval=2)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0),
)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=300, start_factor=0.01, by_epoch=False),
    dict(
        type='CosineAnnealingLR',
        begin=0,
        end=max_epochs,
        T_max=max_epochs,
        eta_min=0,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(base_batch_size=32)
custom_hooks = [
    dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.001, gamma=500, priority=49),
    dict(type='SyncBuffersHook'),
]
default_hooks = dict(
    checkpoint=dict(
        type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='PCK', rule='greater'
    ),
)
