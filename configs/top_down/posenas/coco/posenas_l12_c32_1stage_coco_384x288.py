# PoseNAS L12-C32 on COCO, 384x288, of one stage, as first published: recipe of the release.
_base_ = 'posenas_l18_c48_coco_384x288.py'
model = dict(
    backbone=dict(layers=12, init_channels=32, num_stages=1, se_ratio=2),
    head=dict(in_channels=64, num_stages=1),
)
