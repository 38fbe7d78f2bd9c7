# S-ViPNAS-MobileNetV3 with SimCC on synthetic people; it reproduces no published row.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/simcc_vipnas_mbv3.py',
    '../../../_base_/datasets/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
_size = (96, 128)
_simcc = dict(type='SimCCLabel', input_size=_size, sigma=4.0)
codec = dict(_delete_=True, **_simcc)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.25), rotate_factor=45),
    dict(type='TopdownAffine', input_size=_size),
    dict(type='GenerateTarget', encoder=_simcc),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(head=dict(input_size=_size, in_featuremap_size=(3, 4), decoder=_simcc))
