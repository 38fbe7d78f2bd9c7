# Lite-HRNet-18 on COCO, 384x288, sigma 3: the recipe of MMPose 1.x (val AP 0.676).
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/litehrnet_18.py',
    '../../../_base_/datasets/coco_384x288.py',
    '../../../_base_/schedules/adam_210e.py',
]
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.25), rotate_factor=60),
    dict(type='TopdownAffine', input_size=_base_.codec['input_size']),
    dict(type='GenerateTarget', encoder=_base_.codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
model = dict(head=dict(decoder=_base_.codec))
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
