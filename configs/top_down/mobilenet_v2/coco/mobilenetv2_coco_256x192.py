# MobileNetV2 baseline on COCO, 256x192: recipe and colours of MMPose (val AP 0.648).
_base_ = ['../../resnet/coco/res50_coco_256x192.py']
model = dict(backbone=dict(_delete_=True, type='MobileNetV2'), head=dict(in_channels=1280))
