# ResNet-50 baseline on COCO, 384x288: recipe of the SimpleBaseline and FPD code bases.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/pose_resnet_50.py',
    '../../../_base_/datasets/coco_384x288.py',
    '../../../_base_/schedules/adam_resnet_140e.py',
]
codec = dict(
    type='MSRAHeatmap', input_size=(288, 384), heatmap_size=(72, 96), sigma=3, generation='hrnet'
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
model = dict(head=dict(decoder=codec))
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
