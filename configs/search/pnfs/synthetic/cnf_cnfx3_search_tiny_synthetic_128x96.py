# The smallest search of neural fabrics, backbone and all, on synthetic people: for tests and
# tutorials.
_base_ = ['../../../top_down/pnfs/synthetic/cnf_cnfx3_synthetic_128x96.py']
fabric = dict(factor=4, normalise='sparsemax')
model = dict(
    type='CNFSupernet',
    backbone=dict(fabric=dict(factor=2, normalise='sparsemax')),
    neck=dict(in_channels=[8, 16, 32], fabric=fabric),
    head=dict(fabric=fabric),
)
train_cfg = dict(
    _delete_=True,
    type='ArchSearchLoop',
    max_epochs=2,
    val_interval=2,
    strategy='first_order',
    arch_ratio=1 / 3,
)
param_scheduler = None
optim_wrapper = dict(
    constructor='ArchOptimWrapperConstructor',
    arch=dict(optimizer=dict(type='Adam', lr=0.03, weight_decay=0.01)),
)
custom_hooks = [dict(type='SyncBuffersHook'), dict(type='ArchValueHook')]
