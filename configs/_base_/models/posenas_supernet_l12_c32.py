# Supernet of PoseNAS at the depth and width that the release names for its search: all candidates,
# a quarter of the channels through them.
model = dict(
    type='PoseNASSupernet',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(type='PoseNASSearchBackbone', layers=12, init_channels=32, partial_k=4),
    head=dict(
        type='PoseNASHead',
        in_channels=64,
        out_channels=17,
        loss=dict(type='JointsMSELoss', use_target_weight=True, loss_weight=0.5),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)
