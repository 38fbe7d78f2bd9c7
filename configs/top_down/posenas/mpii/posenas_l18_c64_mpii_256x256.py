# PoseNAS L18-C64 on MPII, 256x256, as published: recipe of the release.
_base_ = 'posenas_l18_c48_mpii_256x256.py'
model = dict(backbone=dict(init_channels=64), head=dict(in_channels=128))
