# Supernet of networks for inference engines; all options are the space's own.
model = dict(
    type='EdgeSupernet',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        channels_last=True,
    ),
    space=dict(type='EdgeSpace'),
    backbone=dict(type='EdgeNet'),
    head=dict(
        type='EdgeHead',
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)
