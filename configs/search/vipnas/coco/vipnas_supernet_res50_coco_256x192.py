# Supernet on COCO, 256x192, 8 processes: everything but 5,000 images, which the search is scored
# on. Scores of a supernet mean nothing before its statistics are measured, so only those of a few
# architectures are taken, every ten epochs.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/vipnas_supernet_res50.py',
    '../../../_base_/datasets/coco_256x192.py',
    '../../../_base_/schedules/adam_210e.py',
]
model = dict(head=dict(decoder=_base_.codec))
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.25), rotate_factor=60),
    dict(type='TopdownAffine', input_size=_base_.codec['input_size']),
    dict(type='GenerateTarget', encoder=_base_.codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(
    dataset=dict(image_subset=dict(seed=0, start=5000), pipeline=train_pipeline)
)
train_cfg = dict(
    _delete_=True,
    type='SupernetLoop',
    max_epochs=210,
    val_begin=211,
    num_paths=4,
    distillation=dict(alpha=0.5),
)
val_dataloader = dict(
    dataset=dict(
        ann_file=_base_.train_dataloader['dataset']['ann_file'],
        data_prefix=_base_.train_dataloader['dataset']['data_prefix'],
        bbox_file=None,
        image_subset=dict(seed=0, stop=5000),
    )
)
val_evaluator = dict(_delete_=True, type='PCKAccuracy', thr=0.05)
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='SubnetScoresHook', interval=10, num_calibration=2048),
]
