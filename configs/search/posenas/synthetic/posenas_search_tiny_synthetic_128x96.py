# The smallest search, on synthetic people: seconds per epoch, for tests and tutorials.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/posenas_supernet_l12_c32.py',
    '../../../_base_/datasets/synthetic_128x96.py',
    '../../../_base_/schedules/search_posenas_40e.py',
]
model = dict(
    backbone=dict(layers=4, init_channels=8, reductions=(1, 2, 3), num_stages=1, partial_k=1),
    head=dict(in_channels=16, num_stages=1, decoder=_base_.codec),
)
max_epochs = 2
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs, arch_begin_epoch=0)
param_scheduler = None
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='SkipDropoutHook', start=0.3),
    dict(type='ArchValueHook', genotype=False),
    dict(type='CollapseGuardHook', eigenvalue=True, num_iterations=4),
]
default_hooks = dict(checkpoint=dict(interval=1))
