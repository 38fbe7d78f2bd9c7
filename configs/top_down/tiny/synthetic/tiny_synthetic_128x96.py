# The smallest network on synthetic people: seconds on a CPU, for tests and for reading. It needs
#   posenas dataset synthetic --out data/synthetic/train --num-images 200 --seed 1
#   posenas dataset synthetic --out data/synthetic/val --num-images 50 --seed 2
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/synthetic_128x96.py',
]
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(type='TinyConvNet'),
    head=dict(
        type='HeatmapHead',
        in_channels=32,
        out_channels=17,
        deconv_out_channels=None,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=_base_.codec,
    ),
    test_cfg=dict(flip_test=False),
)
train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
