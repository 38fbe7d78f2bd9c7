# ResNet-50 baseline on COCO, 256x192: recipe of the SimpleBaseline and FPD code bases. Channels
# stay BGR although mean and deviation are those of RGB: weights of these code bases need just that.
# Other depths: model.backbone.depth, with 18 and 34 also model.head.in_channels=512.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/simple_baseline_res50.py',
    '../../../_base_/datasets/coco_256x192.py',
]
codec = dict(
    type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, generation='hrnet'
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(
        type='RandomBBoxTransform',
        shift_prob=0,
        scale_factor=(0.7, 1.3),
        rotate_factor=80,
        generation='hrnet',
    ),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=32, dataset=dict(generation='hrnet', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(generation='hrnet'))
test_dataloader = val_dataloader
model = dict(
    data_preprocessor=dict(bgr_to_rgb=False),
    backbone=dict(
        zero_init_residual=False,
        init_cfg=[
            dict(type='Normal', std=0.001, layer=['Conv2d']),
            dict(type='Constant', val=1, layer=['_BatchNorm']),
        ],
    ),
    head=dict(
        loss=dict(type='JointsMSELoss', use_target_weight=True, loss_weight=0.5), decoder=codec
    ),
)
train_cfg = dict(by_epoch=True, max_epochs=140, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='MultiStepLR', begin=0, end=140, milestones=[90, 120], gamma=0.1, by_epoch=True)
]
auto_scale_lr = dict(base_batch_size=128)
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
