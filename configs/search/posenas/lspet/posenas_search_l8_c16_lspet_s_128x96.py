# Search on LSPET-S, 128x96: one stage, narrow, one drawn operation per edge. 600 of the 4,000
# images, which the search does not see, score what shares its weights.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/posenas_supernet_l12_c32.py',
    '../../../_base_/datasets/lspet_s_search_128x96.py',
    '../../../_base_/schedules/search_posenas_40e.py',
]
model = dict(
    data_preprocessor=dict(channels_last=True),
    backbone=dict(
        layers=8,
        init_channels=16,
        reductions=(2, 4, 6),
        num_stages=1,
        se_ratio=2,
        relax='gumbel',
        partial_k=1,
    ),
    head=dict(in_channels=32, out_channels=14, num_stages=1, decoder=_base_.codec),
)
train_dataloader = dict(batch_size=16)
max_epochs = 20
train_cfg = dict(
    max_epochs=max_epochs,
    val_interval=max_epochs,
    arch_begin_epoch=4,
    temperature=dict(_delete_=True, start=5.0, end=0.1, curve='exponential'),
)
param_scheduler = dict(
    weights=[
        dict(type='CosineAnnealingLR', begin=0, end=max_epochs, T_max=max_epochs, by_epoch=True)
    ],
    arch=[],
)
optim_wrapper = dict(arch=dict(optimizer=dict(lr=1e-2)))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='SkipDropoutHook', start=0.3),
    dict(type='ArchValueHook', genotype=False),
    dict(type='CollapseGuardHook', rules=[dict(type='ParameterFreeRule', min_evaluations=4)]),
]
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
