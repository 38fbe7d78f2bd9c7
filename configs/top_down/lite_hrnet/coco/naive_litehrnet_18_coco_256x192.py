# Naive Lite-HRNet-18 on COCO, 256x192: the wider one, narrower (val AP 0.628 by the authors' recipe).
_base_ = ['wider_naive_litehrnet_18_coco_256x192.py']
model = dict(
    backbone=dict(
        extra=dict(
            stages_spec=dict(num_channels=((30, 60), (30, 60, 120), (30, 60, 120, 240)))
        )
    ),
    head=dict(in_channels=30),
)
