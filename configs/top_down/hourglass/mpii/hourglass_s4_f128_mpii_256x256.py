# Hourglass of 4 stacks x 128 features on MPII, 256x256: the student of FPD, trained alone (PCKh
# 87.934 as published). BGR input.
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
model = dict(head=dict(decoder=codec))
default_hooks = dict(checkpoint=dict(save_best='PCKh', rule='greater'))
