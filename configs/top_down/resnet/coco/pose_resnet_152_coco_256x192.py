# ResNet-152 baseline on COCO, 256x192: recipe of the SimpleBaseline and FPD code bases.
_base_ = 'pose_resnet_50_coco_256x192.py'
model = dict(backbone=dict(depth=152))
