# HRNet-W48 on MPII, 256x256: recipe of the HRNet code base, without half bodies on MPII.
_base_ = 'hrnet_w32_mpii_256x256.py'
model = dict(
    backbone=dict(
        extra=dict(
            stage2=dict(num_channels=(48, 96)),
            stage3=dict(num_channels=(48, 96, 192)),
            stage4=dict(num_channels=(48, 96, 192, 384)),
        )
    ),
    head=dict(in_channels=48),
)
