# SE-ResNet-50 baseline on COCO, 256x192: recipe and colours of MMPose (val AP 0.729).
_base_ = ['res50_coco_256x192.py']
model = dict(backbone=dict(_delete_=True, type='SEResNet', depth=50))
