# Pose network that comes with the library: found by edge_search_latency_people_160x128.py, trained on
# from the weights of the supernet, and then grown within the space, where it computes little: one more
# block at stride 16, wider blocks with larger kernels at stride 32. It begins with the weights of the
# network that was found (edge_found_people_160x128.py):
#   model.init_cfg.type=Pretrained model.init_cfg.checkpoint=FOUND.pth model.init_cfg.resize=True
# Chosen by lspet_dev and people_val; figures on other photos are in the card of the weights.
_base_ = [
    '../../../_base_/averaging_runtime.py',
    '../../../_base_/datasets/people_mix_160x128.py',
    '../../../_base_/schedules/adamw_people_16e.py',
]
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
            dict(kind='dense', width=96, depth=3, expand=1, kernel=3),
            dict(kind='inverted', width=128, depth=2, expand=2, kernel=7),
        ],
    ),
    neck=dict(type='TopDownFusion', in_channels=(80, 96, 128), channels=(64, 64, 64)),
    head=dict(
        type='EdgeHead',
        kind='deconv',
        width=32,
        in_channels=64,
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=_base_.codec,
    ),
    test_cfg=dict(flip_test=False),
)
