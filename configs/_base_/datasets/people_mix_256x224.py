# As people_mix_192x144.py, crops of 224 x 256 (width x height), more people of COCO, and rotations by up
# to 30 degrees.
_base_ = ['./people_mix_192x144.py']
input_size, heatmap_size = (224, 256), (56, 64)
codec = dict(
    type='MSRAHeatmap', input_size=input_size, heatmap_size=heatmap_size, sigma=2, unbiased=True
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.3), rotate_factor=30),
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
train_dataloader = dict(
    # Of 32: 16 people of COCO, 6 of other photos, 9 of LSPET, 1 synthetic person.
    sampler=dict(type='MultiSourceSampler', source_ratio=[16, 6, 9, 1]),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
