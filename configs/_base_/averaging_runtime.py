# As default_runtime.py with an average of the weights, which is what is tested.
_base_ = ['./default_runtime.py']
custom_hooks = [
    dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.001, gamma=500, priority=49),
    dict(type='SyncBuffersHook'),
]
default_hooks = dict(
    checkpoint=dict(
        type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='PCK', rule='greater'
    ),
)
