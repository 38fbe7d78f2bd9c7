# ResNet-50-D baseline on COCO, 256x192: recipe and colours of MMPose (val AP 0.722).
_base_ = ['res50_coco_256x192.py']
model = dict(backbone=dict(_delete_=True, type='ResNetV1d', depth=50))
