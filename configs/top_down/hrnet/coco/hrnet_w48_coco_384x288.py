# HRNet-W48 on COCO, 384x288: recipe of the HRNet code base.
_base_ = 'hrnet_w32_coco_384x288.py'
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
