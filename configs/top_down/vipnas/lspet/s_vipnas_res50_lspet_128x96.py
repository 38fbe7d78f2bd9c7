# S-ViPNAS-Res50 on LSP Extended, 128x96, from scratch.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_res50.py',
    '../../../_base_/datasets/lspet_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
model = dict(
    data_preprocessor=dict(channels_last=True),
    head=dict(out_channels=14, decoder=_base_.codec),
)
default_hooks = dict(
    checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='PCK@0.1', rule='greater')
)
