# Naive Lite-HRNet-18 on synthetic people: the wider one, narrower.
_base_ = ['wider_naive_litehrnet_18_synthetic_128x96.py']
model = dict(
    backbone=dict(
        extra=dict(stages_spec=dict(num_channels=((30, 60), (30, 60, 120), (30, 60, 120, 240))))
    ),
    head=dict(in_channels=30),
)
