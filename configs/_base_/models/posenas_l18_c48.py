# PoseNAS L18-C48 as published: the released cells, two stages, RGB, half the squared error of each
# stage, weights from scratch.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        channels_last=True,
    ),
    backbone=dict(type='PoseNAS', layers=18, init_channels=48),
    head=dict(
        type='PoseNASHead',
        in_channels=96,
        out_channels=17,
        loss=dict(type='JointsMSELoss', use_target_weight=True, loss_weight=0.5),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)
