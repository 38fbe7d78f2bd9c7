# PoseNAS L12-C32 on COCO, 256x192, of one stage, as first published: recipe of the release.
# The release's files test with given boxes, its tables and this file with detector boxes.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/posenas_l18_c48.py',
    '../../../_base_/datasets/coco_256x192.py',
    '../../../_base_/schedules/adam_hrnet_210e.py',
]
codec = dict(
    type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, generation='hrnet'
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomHalfBody', generation='hrnet'),
    dict(
        type='RandomBBoxTransform',
        shift_prob=0,
        scale_factor=(0.7, 1.3),
        rotate_factor=80,
        generation='hrnet',
    ),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=32, dataset=dict(generation='hrnet', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(generation='hrnet'))
test_dataloader = val_dataloader
model = dict(
    backbone=dict(layers=12, init_channels=32, num_stages=1, se_ratio=2),
    head=dict(in_channels=64, num_stages=1, decoder=codec),
)
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
# Published files list one process of 32 samples.
auto_scale_lr = dict(base_batch_size=32)
