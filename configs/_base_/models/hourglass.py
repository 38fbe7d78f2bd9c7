# Stacked hourglass, the student of Fast Pose Distillation; its teacher has num_stacks=8 and
# num_features=256. Channels stay BGR although mean and deviation are those of RGB: the published
# weights need just that.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=False,
        channels_last=True,
    ),
    backbone=dict(type='Hourglass', num_joints=16, num_stacks=4, num_features=128),
    head=dict(
        type='StackedHourglassHead',
        out_channels=16,
        loss=dict(type='JointsMSELoss', use_target_weight=True, loss_weight=0.5),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)
