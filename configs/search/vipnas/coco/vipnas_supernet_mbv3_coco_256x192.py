# Supernet around S-ViPNAS-MobileNetV3 on COCO, 256x192, trained as the one around S-ViPNAS-Res50 is.
_base_ = './vipnas_supernet_res50_coco_256x192.py'
model = dict(
    space=dict(backbone='ViPNAS_MobileNetV3'),
    backbone=dict(type='ViPNAS_MobileNetV3'),
)
