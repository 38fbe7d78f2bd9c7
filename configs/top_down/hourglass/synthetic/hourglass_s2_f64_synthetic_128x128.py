# A narrow hourglass of 2 stacks on synthetic people alone; it reproduces no published row. Crops
# are square, since sides must be multiples of 64.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/hourglass.py',
    '../../../_base_/datasets/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
codec = dict(
    type='MSRAHeatmap', input_size=(128, 128), heatmap_size=(32, 32), sigma=2, unbiased=True
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.25), rotate_factor=45),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
model = dict(
    backbone=dict(num_joints=17, num_stacks=2, num_features=64),
    head=dict(out_channels=17, decoder=codec),
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='PCK', rule='greater'))
