# S-ViPNAS-Res50 on LSP Extended, 256x192, trained from scratch with Kaiming initialisation.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_res50.py',
    '../../../_base_/datasets/lspet_256x192.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
model = dict(
    data_preprocessor=dict(channels_last=True),
    backbone=dict(
        zero_init_residual=True,
        init_cfg=[
            dict(type='Kaiming', layer='Conv2d'),
            dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
        ],
    ),
    head=dict(
        out_channels=14,
        decoder=_base_.codec,
    ),
)
default_hooks = dict(
    checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='PCK@0.1', rule='greater')
)
