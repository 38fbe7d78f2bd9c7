# Supernet on LSPET-S, 128x96: the residual space at half its width and with half as many groups.
# The search is scored on 600 of the 4,000 images, which the supernet does not see.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/vipnas_supernet_res50.py',
    '../../../_base_/datasets/lspet_s_search_128x96.py',
    '../../../_base_/schedules/supernet_30e.py',
]
_genes = dict(kernel=(3, 5, 7), groups=('dw', 8, 4), attention=(False, True))
model = dict(
    space=dict(
        stem=dict(width=(16, 24, 32), kernel=(3, 5, 7)),
        stages=[
            dict(width=(24, 32, 40, 48), depth=(2, 3, 4), **_genes),
            dict(width=(48, 64, 80, 96), depth=(3, 4, 5, 6), **_genes),
            dict(width=(96, 128, 152, 176), depth=(3, 4, 5, 6, 7), **_genes),
            dict(width=(192, 256, 304, 352), depth=(2, 3), **_genes),
        ],
        head=dict(width=(48, 64, 72, 80), kernel=(2, 4), groups=('dw', 8, 4)),
        name='vipnas_res50_half/1',
    ),
    head=dict(out_channels=14, decoder=_base_.codec),
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
