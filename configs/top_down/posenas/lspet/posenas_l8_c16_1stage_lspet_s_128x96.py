# A narrow, short PoseNAS of one stage on LSPET-S, with the released cells: the small network of
# comparisons with many short trainings.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/posenas_l18_c48.py',
    '../../../_base_/datasets/lspet_s_128x96.py',
    '../../../_base_/schedules/adamw_cosine_10e.py',
]
model = dict(
    backbone=dict(layers=8, init_channels=16, num_stages=1, se_ratio=2, reductions=(2, 4, 6)),
    head=dict(in_channels=32, out_channels=14, num_stages=1, decoder=_base_.codec),
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
