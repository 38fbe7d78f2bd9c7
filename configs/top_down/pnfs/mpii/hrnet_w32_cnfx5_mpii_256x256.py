# HRNet-W32 to stage 3 and five neural fabrics on MPII, 256x256: recipe of the published code, whose
# maps on MPII are no vectors.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/hrnet_w32_cnfx5.py',
    '../../../_base_/datasets/mpii_256x256.py',
    '../../../_base_/schedules/adam_pnfs_200e.py',
]
codec = dict(type='PNFSHeatmap', input_size=(256, 256), heatmap_size=(64, 64), sigma=2)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
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
train_dataloader = dict(batch_size=24, dataset=dict(pipeline=train_pipeline))
parts = dict(dataset='mpii')
model = dict(
    neck=dict(parts=parts),
    head=dict(
        parts=parts,
        representation=dict(_delete_=True, type='ScalarRepresentation'),
        out_channels=16,
        decoder=codec,
    ),
)
default_hooks = dict(checkpoint=dict(save_best='PCKh', rule='greater'))
