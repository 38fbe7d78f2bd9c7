# Search of the three neural fabrics of mobilenet_v2_cnfx3_coco_384x288.py by first-order gradients.
_base_ = ['../../../top_down/pnfs/coco/mobilenet_v2_cnfx3_coco_384x288.py']
model = dict(type='CNFSupernet')
# Two thirds of the images train the weights, one third the architecture, from the first epoch on.
# Batches of the weights are twice as large, so both loaders have about the same length.
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
    arch=dict(optimizer=dict(type='Adam', lr=0.03, weight_decay=0.01)),
)
custom_hooks = [dict(type='SyncBuffersHook'), dict(type='ArchValueHook')]
