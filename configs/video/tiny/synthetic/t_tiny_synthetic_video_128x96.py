# The smallest networks for videos, on synthetic ones: for tests and for reading. A key network sees
# one frame in four, light ones with half its channels see the others.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/synthetic_video_128x96.py',
]
_head = dict(
    type='HeatmapHead',
    out_channels=17,
    deconv_out_channels=None,
    loss=dict(type='KeypointMSELoss', use_target_weight=True),
    decoder=_base_.codec,
)
_light = dict(
    type='TViPNASNet',
    backbone=dict(type='TinyConvNet', channels=(8, 16)),
    head=dict(_head, in_channels=16),
    fusion=dict(stage=2, op='mul', in_channels=16),
)
model = dict(
    type='OnlinePoseEstimator',
    key=dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(
            type='PoseDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True,
        ),
        backbone=dict(type='TinyConvNet'),
        head=dict(_head, in_channels=32),
        test_cfg=dict(flip_test=False),
    ),
    frames=[_light, _light, _light],
    train_key=True,
)
train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
