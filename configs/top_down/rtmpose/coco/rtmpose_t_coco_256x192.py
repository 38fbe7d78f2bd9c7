# RTMPose-t on COCO, 256x192: the published recipe (val AP 0.682 on annotated boxes), from scratch
# and without its blurs, which one sample in five got; it starts from a backbone trained on COCO and
# AI Challenger. Neither weight decay nor an average of the weights at this size.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/rtmpose_t.py',
    '../../../_base_/datasets/coco_256x192.py',
    '../../../_base_/schedules/adamw_rtmpose_420e.py',
]
_size = (192, 256)
_simcc = dict(type='SimCCLabel', input_size=_size, sigma=(4.9, 5.66), normalize=False)
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
train_dataloader = dict(batch_size=256, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(bbox_file=None))
test_dataloader = val_dataloader
model = dict(head=dict(decoder=_simcc))
randomness = dict(seed=21)
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='PipelineSwitchHook', switch_epoch=390, switch_pipeline=_last_pipeline),
]
