# ResNet-18 that regresses coordinates by RLE, on synthetic people alone.
_base_ = ['res18_synthetic_128x96.py']
_size = (96, 128)
_label = dict(type='RegressionLabel', input_size=_size)
codec = dict(_delete_=True, **_label)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.25), rotate_factor=45),
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
        in_channels=512,
        num_joints=17,
        loss=dict(type='RLELoss', use_target_weight=True),
        decoder=_label,
    ),
    test_cfg=dict(_delete_=True, flip_test=True, shift_coords=True),
)
