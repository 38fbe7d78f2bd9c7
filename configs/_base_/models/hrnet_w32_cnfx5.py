# First three stages of HRNet-W32 and five neural fabrics, as published: images stay in the order
# blue, green, red while mean and deviation stand for red, green, blue. Published trainings start
# from ImageNet weights:
#   model.backbone.init_cfg = dict(type='Pretrained', checkpoint=FILE)
_base_ = './hrnet_w32.py'
fabric = dict(
    depth=6,
    cut_layers=3,
    factor=16,
    operators=['Zero', 'skip_connect', 'Atr_Conv_3x3', 'Sep_Conv_3x3'],
)
parts = dict(type='BodyParts', dataset='coco', num_parts=5)
model = dict(
    data_preprocessor=dict(bgr_to_rgb=False),
    backbone=dict(type='HRNetPyramid'),
    neck=dict(type='PartReduceNeck', in_channels=[32, 64, 128, 256], fabric=fabric, parts=parts),
    head=dict(
        _delete_=True,
        type='CNFHead',
        fabric=fabric,
        parts=parts,
        representation=dict(type='VectorRepresentation', vector_dim=8),
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5),
    ),
    test_cfg=dict(shift_heatmap=False),
)
