# ResNet-152 baseline on MPII, 256x256: recipe of the SimpleBaseline and FPD code bases.
_base_ = 'pose_resnet_50_mpii_256x256.py'
model = dict(backbone=dict(depth=152))
