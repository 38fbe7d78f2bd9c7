# S-ViPNAS-Res50 on LSPET-S: 10 epochs of 4,000 photos, for comparisons with many short trainings.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_res50.py',
    '../../../_base_/datasets/lspet_s_128x96.py',
    '../../../_base_/schedules/adamw_cosine_10e.py',
]
model = dict(
    data_preprocessor=dict(channels_last=True),
    head=dict(out_channels=14, decoder=_base_.codec),
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
