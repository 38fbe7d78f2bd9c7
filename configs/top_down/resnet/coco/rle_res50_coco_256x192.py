# ResNet-50 that regresses coordinates by RLE on COCO, 256x192: recipe and colours of MMPose (val AP
# 0.706).
_base_ = ['res50_coco_256x192.py']
_size = (192, 256)
_label = dict(type='RegressionLabel', input_size=_size)
codec = dict(_delete_=True, **_label)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform'),
    dict(type='TopdownAffine', input_size=_size),
    dict(type='GenerateTarget', encoder=_label),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        _delete_=True,
        type='RLEHead',
        in_channels=2048,
        num_joints=17,
        loss=dict(type='RLELoss', use_target_weight=True),
        decoder=_label,
    ),
    test_cfg=dict(_delete_=True, flip_test=True, shift_coords=True),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
val_evaluator = dict(score_mode='bbox_rle')
test_evaluator = val_evaluator
