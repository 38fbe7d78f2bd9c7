# PoseNAS L18-C48 on MPII, 256x256, of one stage, as first published: recipe of the release.
_base_ = 'posenas_l18_c48_mpii_256x256.py'
model = dict(
    backbone=dict(num_stages=1, se_ratio=2),
    head=dict(num_stages=1),
)
