# Smallest supernet, on synthetic people: minutes on two cores.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/vipnas_supernet_res50.py',
    '../../../_base_/datasets/synthetic_search_128x96.py',
    '../../../_base_/schedules/supernet_30e.py',
]
_genes = dict(depth=(1, 2), kernel=(3, 5), groups=('dw', 8, 4), attention=(False, True))
model = dict(
    space=dict(
        stem=dict(width=(8, 16), kernel=(3, 5)),
        stages=[
            dict(width=(16, 24), **_genes),
            dict(width=(24, 40), **_genes),
            dict(width=(32, 48), **_genes),
            dict(width=(40, 64), **_genes),
        ],
        head=dict(width=(16, 24), kernel=(2, 4), groups=('dw', 8)),
        name='vipnas_res50_tiny/1',
    ),
    head=dict(decoder=_base_.codec),
)
max_epochs = 8
train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs + 1)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
