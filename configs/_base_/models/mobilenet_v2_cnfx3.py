# MobileNetV2 and three neural fabrics, as published: images stay in the order blue, green, red
# while mean and deviation stand for red, green, blue. Published trainings start from ImageNet
# weights:
#   model.backbone.init_cfg = dict(type='Pretrained', checkpoint=FILE)
fabric = dict(
    depth=6,
    cut_layers=3,
    factor=16,
    operators=['skip_connect', 'Sep_Conv_3x3', 'Atr_Conv_3x3'],
)
parts = dict(type='BodyParts', dataset='coco', num_parts=3)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=False,
        channels_last=True,
    ),
    backbone=dict(type='MobileNetV2Pyramid'),
    neck=dict(type='PartReduceNeck', in_channels=[24, 32, 96, 160], fabric=fabric, parts=parts),
    head=dict(
        type='CNFHead',
        fabric=fabric,
        parts=parts,
        representation=dict(type='VectorRepresentation', vector_dim=8),
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False),
)
