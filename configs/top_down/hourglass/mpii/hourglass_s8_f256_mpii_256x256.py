# Hourglass of 8 stacks x 256 features on MPII, 256x256: the teacher of FPD (PCKh 90.520 as
# published, with 140 epochs by the name of its weights; the recipe below is that of its config).
# BGR input.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/hourglass.py',
    '../../../_base_/datasets/mpii_256x256.py',
    '../../../_base_/schedules/adam_hourglass_140e.py',
]
codec = dict(
    type='MSRAHeatmap', input_size=(256, 256), heatmap_size=(64, 64), sigma=2, generation='hrnet'
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(
        type='RandomBBoxTransform',
        shift_prob=0,
        scale_factor=(0.75, 1.25),
        rotate_factor=60,
        generation='hrnet',
    ),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
model = dict(backbone=dict(num_stacks=8, num_features=256), head=dict(decoder=codec))
train_cfg = dict(max_epochs=150)
param_scheduler = [
    dict(type='MultiStepLR', begin=0, end=150, milestones=[120, 140], gamma=0.1, by_epoch=True)
]
default_hooks = dict(checkpoint=dict(save_best='PCKh', rule='greater'))
