# RTMPose-m on COCO, 384x288: the recipe at 256x192, labels wider by the root of the scale. The
# published network (val AP 0.770) learnt from AI Challenger, too.
_base_ = ['rtmpose_m_coco_256x192.py']
_size = (288, 384)
_simcc = dict(type='SimCCLabel', input_size=_size, sigma=(6.0, 6.93), normalize=False)
codec = dict(_delete_=True, **_simcc)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform', scale_factor=(0.6, 1.4), rotate_factor=80),
    dict(type='TopdownAffine', input_size=_size),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='CoarseDropout', prob=1.0),
    dict(type='GenerateTarget', encoder=_simcc),
    dict(type='PackPoseInputs'),
]
_last_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(
        type='RandomBBoxTransform', shift_factor=0.0, scale_factor=(0.75, 1.25), rotate_factor=60
    ),
    dict(type='TopdownAffine', input_size=_size),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='CoarseDropout', prob=0.5),
    dict(type='GenerateTarget', encoder=_simcc),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=_size),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
model = dict(head=dict(input_size=_size, in_featuremap_size=(9, 12), decoder=_simcc))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='PipelineSwitchHook', switch_epoch=390, switch_pipeline=_last_pipeline),
    dict(
        type='EMAHook',
        ema_type='ExpMomentumEMA',
        momentum=0.0002,
        update_buffers=True,
        priority=49,
    ),
]
