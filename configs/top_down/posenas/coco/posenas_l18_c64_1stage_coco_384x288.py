# PoseNAS L18-C64 on COCO, 384x288, of one stage, as first published: recipe of the release.
_base_ = 'posenas_l18_c48_coco_384x288.py'
model = dict(
    backbone=dict(init_channels=64, num_stages=1, se_ratio=2),
    head=dict(in_channels=128, num_stages=1),
)
