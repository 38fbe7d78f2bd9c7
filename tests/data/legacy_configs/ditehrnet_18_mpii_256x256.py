# Dite-HRNet-18 on MPII: centres instead of boxes, no half bodies.
_base_ = ['ditehrnet_18_coco_256x192.py']
checkpoint_config = dict(interval=1)
evaluation = dict(interval=10, metric='PCKh', key_indicator='PCKh')
total_epochs = 260
channel_cfg = dict(
    num_output_channels=16,
    dataset_joints=16,
    dataset_channel=list(range(16)),
    inference_channel=list(range(16)),
)
model = dict(keypoint_head=dict(out_channels=16))
mpii_cfg = dict(
    image_size=[256, 256],
    heatmap_size=[64, 64],
    num_output_channels=16,
    num_joints=16,
    dataset_channel=list(range(16)),
    inference_channel=list(range(16)),
)
normalize = dict(type='NormalizeTensor', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='TopDownRandomFlip', flip_prob=0.5),
    dict(type='TopDownGetRandomScaleRotation', rot_factor=30, scale_factor=0.25),
    dict(type='TopDownAffine'),
    dict(type='ToTensor'),
    normalize,
    dict(type='TopDownGenerateTarget', sigma=2),
    dict(type='Collect', keys=['img', 'target', 'target_weight'], meta_keys=['image_file']),
]
val_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='TopDownAffine'),
    dict(type='ToTensor'),
    normalize,
    dict(type='Collect', keys=['img'], meta_keys=['image_file', 'center', 'scale', 'flip_pairs']),
]
test_pipeline = val_pipeline
data_root = 'data/mpii'
data = dict(
    _delete_=True,
    samples_per_gpu=32,
    workers_per_gpu=6,
    val_dataloader=dict(samples_per_gpu=32),
    test_dataloader=dict(samples_per_gpu=32),
    train=dict(
        type='TopDownMpiiDataset',
        ann_file=f'{data_root}/annotations/mpii_train.json',
        img_prefix=f'{data_root}/images/',
        data_cfg=mpii_cfg,
        pipeline=train_pipeline,
    ),
    val=dict(
        type='TopDownMpiiDataset',
        ann_file=f'{data_root}/annotations/mpii_val.json',
        img_prefix=f'{data_root}/images/',
        data_cfg=mpii_cfg,
        pipeline=val_pipeline,
    ),
    test=dict(
        type='TopDownMpiiDataset',
        ann_file=f'{data_root}/annotations/mpii_val.json',
        img_prefix=f'{data_root}/images/',
        data_cfg=mpii_cfg,
        pipeline=val_pipeline,
    ),
)
