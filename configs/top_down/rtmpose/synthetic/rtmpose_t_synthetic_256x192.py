# RTMPose-t on synthetic people: no download, for a first look on a CPU.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/rtmpose_t.py',
    '../../../_base_/datasets/synthetic_256x192.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
_size = (192, 256)
_simcc = dict(type='SimCCLabel', input_size=_size, sigma=(4.9, 5.66), normalize=False)
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
model = dict(head=dict(input_size=_size, in_featuremap_size=(6, 8), decoder=_simcc))
