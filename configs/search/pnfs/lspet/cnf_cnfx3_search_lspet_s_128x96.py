# Search of the four neural fabrics of cnf_cnfx3_lspet_s_128x96.py by first-order gradients. Sparse
# weights let it end with zeros, which are pruned without loss; the network is then trained anew.
_base_ = ['../../../top_down/pnfs/lspet/cnf_cnfx3_lspet_s_128x96.py']
sparse = dict(normalise='sparsemax')
model = dict(
    type='CNFSupernet',
    backbone=dict(fabric=sparse),
    neck=dict(fabric=sparse),
    head=dict(fabric=sparse),
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
    arch_begin_epoch=2,
    # fewer multiply-accumulates are better; in the second half weights are driven apart
    arch_objective=dict(
        cost_weight=0.7,
        target_macs=6.7e7,
        input_size=[96, 128],
        normalise=True,
        entropy_weight=[(0, 0), (0.5, 1.0)],
    ),
)
optim_wrapper = dict(
    constructor='ArchOptimWrapperConstructor',
    arch=dict(optimizer=dict(type='Adam', lr=0.03, weight_decay=0.01)),
)
custom_hooks = [dict(type='SyncBuffersHook'), dict(type='ArchValueHook')]
