# Neural fabrics all through, narrow, on LSPET-S: the first layers are a backbone of their own.
# Reproduces no published row; what searches of it find is trained with this schedule.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/mobilenet_v2_cnfx3.py',
    '../../../_base_/datasets/lspet_s_128x96.py',
    '../../../_base_/schedules/adamw_cosine_10e.py',
]
fabric = dict(factor=4)
parts = dict(
    _delete_=True,
    upper_limb_part=[6, 7, 8, 9, 10, 11],
    head_part=[12, 13],
    lower_limb_part=[0, 1, 2, 3, 4, 5],
)
_backbone_fabric = dict(
    depth=6, factor=4, operators=['skip_connect', 'Sep_Conv_3x3', 'Atr_Conv_3x3']
)
model = dict(
    data_preprocessor=dict(bgr_to_rgb=True),
    backbone=dict(_delete_=True, type='CNFBackbone', fabric=_backbone_fabric, reserve_layers=3),
    neck=dict(in_channels=[16, 32, 64, 128], fabric=fabric, parts=parts),
    head=dict(
        fabric=fabric,
        parts=parts,
        representation=dict(_delete_=True, type='ScalarRepresentation'),
        out_channels=14,
        decoder=_base_.codec,
    ),
)
optim_wrapper = dict(optimizer=dict(lr=6e-3))
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
