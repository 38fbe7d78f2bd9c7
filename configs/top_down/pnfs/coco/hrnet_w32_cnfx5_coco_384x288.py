# HRNet-W32 to stage 3 and five neural fabrics on COCO, 384x288: recipe of the published code.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/hrnet_w32_cnfx5.py',
    '../../../_base_/datasets/coco_384x288.py',
    '../../../_base_/schedules/adam_pnfs_200e.py',
]
codec = dict(type='PNFSHeatmap', input_size=(288, 384), heatmap_size=(72, 96), sigma=3)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PNFSGetBox'),
    dict(
        type='PNFSTopdownAffine',
        input_size=codec['input_size'],
        scale_factor=(0.7, 1.3),
        rotate_factor=90,
        flip_prob=0.5,
    ),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='PNFSGetBox'),
    dict(type='PNFSTopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=24, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
model = dict(head=dict(decoder=codec))
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
