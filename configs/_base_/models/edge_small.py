# Network for inference engines that edge_search_latency_people_160x128.py found; configs give the head
# a codec.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        channels_last=True,
    ),
    backbone=dict(
        type='EdgeNet',
        stem_width=32,
        stages=[
            dict(kind='fused', width=80, depth=1, expand=4, kernel=3),
            dict(kind='dense', width=96, depth=2, expand=1, kernel=3),
            dict(kind='inverted', width=64, depth=1, expand=2, kernel=3),
        ],
    ),
    neck=dict(type='TopDownFusion', in_channels=(80, 96, 64), channels=(64, 64, 64)),
    head=dict(
        type='EdgeHead',
        kind='deconv',
        width=32,
        in_channels=64,
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
    ),
    test_cfg=dict(flip_test=False),
)
