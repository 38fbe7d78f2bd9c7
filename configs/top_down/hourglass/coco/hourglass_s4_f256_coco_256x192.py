# Hourglass of 4 stacks x 256 features on COCO, 256x192: the settings of the FPD code base, which
# publishes no result. BGR input. There is no 384x288: sides must be multiples of 64.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/hourglass.py',
    '../../../_base_/datasets/coco_256x192.py',
    '../../../_base_/schedules/adam_hourglass_140e.py',
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
train_dataloader = dict(batch_size=4, dataset=dict(generation='hrnet', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(generation='hrnet'))
test_dataloader = val_dataloader
model = dict(
    backbone=dict(num_joints=17, num_stacks=4, num_features=256),
    head=dict(out_channels=17, decoder=codec),
)
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
