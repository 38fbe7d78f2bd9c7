# A narrow, short PoseNAS on synthetic people alone; it reproduces no published row.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/posenas_l18_c48.py',
    '../../../_base_/datasets/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
model = dict(
    backbone=dict(
        layers=8,
        init_channels=16,
        reductions=(2, 4, 6),
        refine=dict(layers=4, channels=32, reductions=(1, 2, 3)),
    ),
    head=dict(in_channels=32, decoder=_base_.codec),
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='PCK', rule='greater'))
