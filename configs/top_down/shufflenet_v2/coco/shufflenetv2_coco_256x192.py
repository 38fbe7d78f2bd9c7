# ShuffleNet V2 baseline on COCO, 256x192: recipe and colours of MMPose (val AP 0.602).
_base_ = ['../../resnet/coco/res50_coco_256x192.py']
model = dict(backbone=dict(_delete_=True, type='ShuffleNetV2'), head=dict(in_channels=1024))
