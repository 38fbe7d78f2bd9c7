# S-ViPNAS-MobileNetV3 with a head of coordinate classification for COCO at 256x192.
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
        type='SimCCHead',
        in_channels=160,
        out_channels=17,
        input_size=(192, 256),
        in_featuremap_size=(6, 8),
        deconv_type='vipnas',
        deconv_out_channels=(160, 160, 160),
        deconv_num_groups=(160, 160, 160),
        loss=dict(type='KLDiscretLoss', use_target_weight=True),
    ),
    test_cfg=dict(flip_test=True),
)
