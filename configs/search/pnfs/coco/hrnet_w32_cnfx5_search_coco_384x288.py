# Search of the five neural fabrics of hrnet_w32_cnfx5_coco_384x288.py by first-order gradients.
_base_ = ['../../../top_down/pnfs/coco/hrnet_w32_cnfx5_coco_384x288.py']
model = dict(type='CNFSupernet')
train_dataloader = dict(batch_size=48)
train_cfg = dict(
    _delete_=True,
    type='ArchSearchLoop',
    max_epochs=200,
    strategy='first_order',
    arch_ratio=1 / 3,
    arch_dataloader=dict(batch_size=24),
)
optim_wrapper = dict(
    constructor='ArchOptimWrapperConstructor',
    arch=dict(optimizer=dict(type='Adam', lr=0.001, weight_decay=0.01)),
)
custom_hooks = [dict(type='SyncBuffersHook'), dict(type='ArchValueHook')]
