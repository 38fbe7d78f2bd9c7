# As people_mix_192x144.py, crops of 192 x 224 (width x height).
_base_ = ['./people_mix_192x144.py']
input_size, heatmap_size = (192, 224), (48, 56)
codec = dict(
    type='MSRAHeatmap', input_size=input_size, heatmap_size=heatmap_size, sigma=2, unbiased=True
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.3), rotate_factor=45),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='PhotometricDistortion', generation='0.x'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
