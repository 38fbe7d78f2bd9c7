# PoseNAS L18-C48 on COCO, 384x288, of one stage, as first published: recipe of the release.
_base_ = 'posenas_l18_c48_coco_384x288.py'
model = dict(
    backbone=dict(num_stages=1, se_ratio=2),
    head=dict(num_stages=1),
)
