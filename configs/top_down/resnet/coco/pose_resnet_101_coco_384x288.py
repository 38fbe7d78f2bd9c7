# ResNet-101 baseline on COCO, 384x288: recipe of the SimpleBaseline and FPD code bases.
_base_ = 'pose_resnet_50_coco_384x288.py'
model = dict(backbone=dict(depth=101))
