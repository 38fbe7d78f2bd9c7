# ResNet-50 and three neural fabrics: the example of the published code, whose images stay in the
# order blue, green, red while mean and deviation stand for red, green, blue. It starts from
# ImageNet weights:
#   model.backbone.init_cfg = dict(type='Pretrained', checkpoint=FILE)
_base_ = './mobilenet_v2_cnfx3.py'
fabric = dict(
    depth=7, cut_layers=4, operators=['Zero', 'skip_connect', 'Atr_Conv_3x3', 'Sep_Conv_3x3']
)
model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=50, out_indices=(0, 1, 2, 3)),
    neck=dict(in_channels=[256, 512, 1024, 2048], fabric=fabric),
    head=dict(fabric=fabric),
)
