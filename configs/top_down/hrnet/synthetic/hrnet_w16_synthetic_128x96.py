# A narrow, short HRNet on synthetic people alone; it reproduces no published row.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/hrnet_w32.py',
    '../../../_base_/datasets/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
model = dict(
    backbone=dict(
        extra=dict(
            stage1=dict(num_blocks=(2,), num_channels=(32,)),
            stage2=dict(num_blocks=(2, 2), num_channels=(16, 32)),
            stage3=dict(num_modules=2, num_blocks=(2, 2, 2), num_channels=(16, 32, 64)),
            stage4=dict(num_modules=1, num_blocks=(2, 2, 2, 2), num_channels=(16, 32, 64, 128)),
        )
    ),
    head=dict(in_channels=16, decoder=_base_.codec),
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='PCK', rule='greater'))
