# As edge_supernet_lspet_s_128x96.py, about half as wide: for tighter limits and fewer hours.
_base_ = ['./edge_supernet_lspet_s_128x96.py']
_genes = dict(kind=('inverted', 'dense', 'fused'), expand=(1, 2, 3, 4), kernel=(3, 5, 7))
model = dict(
    space=dict(
        stem=(8, 16, 24),
        stages=[
            dict(width=(16, 24, 32, 48), depth=(1, 2, 3), **_genes),
            dict(width=(24, 32, 48, 64), depth=(1, 2, 3), **_genes),
            dict(width=(32, 48, 64, 96), depth=(1, 2), **_genes),
        ],
        fusion=(16, 32, 48),
        head=dict(kind=('shuffle', 'simcc', 'deconv'), width=(16, 32)),
        name='edge-half/1',
    ),
)
