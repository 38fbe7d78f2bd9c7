# ResNet-50 baseline on MPII, 256x256: recipe of the SimpleBaseline and FPD code bases.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/pose_resnet_50.py',
    '../../../_base_/datasets/mpii_256x256.py',
    '../../../_base_/schedules/adam_resnet_140e.py',
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
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
model = dict(head=dict(out_channels=16, decoder=codec))
default_hooks = dict(checkpoint=dict(save_best='PCKh', rule='greater'))
