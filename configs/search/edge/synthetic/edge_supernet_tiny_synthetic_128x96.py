# Smallest supernet of networks for inference engines, on synthetic people: minutes on two cores.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/edge_supernet.py',
    '../../../_base_/datasets/synthetic_search_128x96.py',
    '../../../_base_/schedules/supernet_30e.py',
]
_genes = dict(
    kind=('inverted', 'dense', 'fused'), depth=(1, 2), expand=(1, 2, 3), kernel=(3, 5, 7)
)
model = dict(
    space=dict(
        stem=(8, 16),
        stages=[
            dict(width=(8, 16), **_genes),
            dict(width=(16, 24), **_genes),
            dict(width=(16, 32), **_genes),
        ],
        fusion=(8, 16),
        head=dict(kind=('shuffle', 'simcc', 'deconv'), width=(8, 16)),
        name='edge-tiny/1',
    ),
    head=dict(decoder=_base_.codec),
)
max_epochs = 8
train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs + 1)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
