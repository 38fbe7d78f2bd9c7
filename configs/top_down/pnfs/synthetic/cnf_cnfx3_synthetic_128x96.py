# Neural fabrics all through, the first layers as a backbone of their own, on synthetic people
# alone; reproduces no published row.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/mobilenet_v2_cnfx3.py',
    '../../../_base_/datasets/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
fabric = dict(depth=5, cut_layers=2, factor=8)
_backbone_fabric = dict(
    depth=6, factor=4, operators=['skip_connect', 'Sep_Conv_3x3', 'max_pool_3x3']
)
model = dict(
    backbone=dict(_delete_=True, type='CNFBackbone', fabric=_backbone_fabric, reserve_layers=2),
    neck=dict(in_channels=[16, 32, 64], fabric=fabric),
    head=dict(fabric=fabric, decoder=_base_.codec),
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='PCK', rule='greater'))
