# Supernet of the spatial space around S-ViPNAS-MobileNetV3; all options are the space's own.
model = dict(
    type='ViPNASSupernet',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        channels_last=True,
    ),
    space=dict(type='ViPNASSpace', backbone='ViPNAS_MobileNetV3'),
    backbone=dict(type='ViPNAS_MobileNetV3'),
    head=dict(
        type='ViPNASHead',
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)
