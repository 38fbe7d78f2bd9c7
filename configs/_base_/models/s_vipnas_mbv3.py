# S-ViPNAS-MobileNetV3 as published; the searched setting is the default of the class.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        channels_last=True,
    ),
    backbone=dict(type='ViPNASMobileNetV3'),
    head=dict(
        type='ViPNASHead',
        in_channels=160,
        out_channels=17,
        deconv_out_channels=(160, 160, 160),
        deconv_num_groups=(160, 160, 160),
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)
