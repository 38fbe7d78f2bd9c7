# HRNet-W48 on COCO, 256x192: recipe of the HRNet code base (val AP 0.750 as published with FPD).
_base_ = 'hrnet_w32_coco_256x192.py'
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
