# Person detector of 0.79 million parameters: dense 3x3 convolutions, four scales fused at stride 8.
# Chosen by people_val; the threshold and figures on other photos are in its card.
_base_ = ['../../../_base_/default_runtime.py', '../../../_base_/datasets/people_boxes_576.py']
model = dict(
    type='PersonDetector',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        channels_last=True,
    ),
    backbone=dict(
        type='LightResNet', stem_channels=(16, 32), channels=(48, 80, 96, 48), num_blocks=(2, 2, 2, 1)
    ),
    neck=dict(type='TopDownFusion', in_channels=(48, 80, 96, 48), channels=(48, 48, 64, 48)),
    head=dict(type='CenterBoxHead', in_channels=48, upsample=2, decoder=_base_.codec),
    test_cfg=dict(default_thr=0.25),
)
max_epochs = 80
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_begin=4, val_interval=4)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=10),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0),
)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=400, start_factor=0.01, by_epoch=False),
    dict(
        type='CosineAnnealingLR',
        begin=0,
        end=max_epochs,
        T_max=max_epochs,
        eta_min=1e-5,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(base_batch_size=8)
custom_hooks = [
    dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.0005, gamma=1000, priority=49),
    dict(type='SyncBuffersHook'),
]
default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(
        type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='bbox/AP', rule='greater'
    ),
)
