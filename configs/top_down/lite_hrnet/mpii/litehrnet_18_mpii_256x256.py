# Lite-HRNet-18 on MPII, 256x256: the recipe of MMPose 1.x (val PCKh@0.5 85.9).
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/litehrnet_18.py',
    '../../../_base_/datasets/mpii_256x256.py',
    '../../../_base_/schedules/adam_210e.py',
]
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_prob=0, scale_factor=(0.75, 1.25), rotate_factor=60),
    dict(type='TopdownAffine', input_size=_base_.codec['input_size']),
    dict(type='GenerateTarget', encoder=_base_.codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
model = dict(head=dict(out_channels=16, decoder=_base_.codec))
default_hooks = dict(checkpoint=dict(save_best='PCKh', rule='greater'))
