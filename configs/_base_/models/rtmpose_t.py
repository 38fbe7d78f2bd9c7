# RTMPose-t with a head for COCO at 256x192. Larger ones set deepen_factor and widen_factor of the
# backbone and in_channels of the head: s 0.33, 0.5, 512; m 0.67, 0.75, 768; l 1, 1, 1024.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='CSPNeXt',
        deepen_factor=0.167,
        widen_factor=0.375,
        out_indices=(4,),
        norm_cfg=dict(type='BN'),
    ),
    head=dict(
        type='RTMCCHead',
        in_channels=384,
        out_channels=17,
        input_size=(192, 256),
        in_featuremap_size=(6, 8),
        final_layer_kernel_size=7,
        gau_cfg=dict(hidden_dims=256, s=128, expansion_factor=2, act_fn='SiLU'),
        loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10.0, label_softmax=True),
    ),
    test_cfg=dict(flip_test=True),
)
