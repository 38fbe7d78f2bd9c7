# PoseNAS L18-C64 on COCO, 384x288, as published: recipe of the release.
_base_ = 'posenas_l18_c48_coco_384x288.py'
model = dict(backbone=dict(init_channels=64), head=dict(in_channels=128))
