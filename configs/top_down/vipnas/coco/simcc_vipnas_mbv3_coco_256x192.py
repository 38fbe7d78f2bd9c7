# S-ViPNAS-MobileNetV3 with SimCC on COCO, 256x192: the recipe of MMPose 1.x (val AP 0.695).
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/simcc_vipnas_mbv3.py',
    '../../../_base_/datasets/coco_256x192.py',
    '../../../_base_/schedules/adam_210e.py',
]
_size = (192, 256)
_simcc = dict(type='SimCCLabel', input_size=_size, sigma=6.0)
codec = dict(_delete_=True, **_simcc)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform'),
    dict(type='TopdownAffine', input_size=_size),
    dict(type='GenerateTarget', encoder=_simcc),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(head=dict(decoder=_simcc))
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
