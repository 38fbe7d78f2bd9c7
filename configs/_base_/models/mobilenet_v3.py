# MobileNetV3 and three transposed convolutions, the head of SimpleBaseline. Published trainings
# start from ImageNet weights:
#   model.backbone.init_cfg = dict(type='Pretrained', checkpoint=FILE)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        channels_last=True,
    ),
    backbone=dict(type='MobileNetV3', arch='big'),
    head=dict(
        type='HeatmapHead',
        in_channels=160,
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)
