# Search of three narrow neural fabrics on LSPET-S, 128x96. Sparse weights let it end with zeros,
# which are pruned without loss; the network is then trained anew with what is left.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/mobilenet_v2_cnfx3.py',
    '../../../_base_/datasets/lspet_s_128x96.py',
    '../../../_base_/schedules/adamw_cosine_10e.py',
]
fabric = dict(
    factor=4,
    operators=['Zero', 'skip_connect', 'Sep_Conv_3x3', 'Atr_Conv_3x3'],
    normalise='sparsemax',
)
parts = dict(
    _delete_=True,
    upper_limb_part=[6, 7, 8, 9, 10, 11],
    head_part=[12, 13],
    lower_limb_part=[0, 1, 2, 3, 4, 5],
)
model = dict(
    type='CNFSupernet',
    data_preprocessor=dict(bgr_to_rgb=True),
    neck=dict(fabric=fabric, parts=parts),
    head=dict(fabric=fabric, parts=parts, out_channels=14, decoder=_base_.codec),
)
max_epochs = 10
train_cfg = dict(
    _delete_=True,
    type='ArchSearchLoop',
    max_epochs=max_epochs,
    val_interval=max_epochs,
    strategy='first_order',
    arch_ratio=1 / 3,
    arch_dataloader=dict(batch_size=16),
    arch_begin_epoch=1,
)
optim_wrapper = dict(
    constructor='ArchOptimWrapperConstructor',
    arch=dict(optimizer=dict(type='Adam', lr=0.03, weight_decay=0.01)),
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
custom_hooks = [dict(type='SyncBuffersHook'), dict(type='ArchValueHook')]
