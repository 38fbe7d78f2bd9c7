# Search of encoder and decoder on COCO, 256x192. The result is genotype.json in the work folder;
# train it with posenas_retrain_l18_c48_coco_256x192.py.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/posenas_supernet_l12_c32.py',
    '../../../_base_/datasets/coco_256x192.py',
    '../../../_base_/schedules/search_posenas_40e.py',
]
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=32)
randomness = dict(seed=2)
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='MemoryForecastHook'),
    dict(type='SkipDropoutHook', start=0.3),
    dict(type='ArchValueHook', genotype=False),
    dict(
        type='CollapseGuardHook',
        eigenvalue=True,
        rules=[
            dict(type='EigenvalueRule'),
            dict(type='ParameterFreeRule', min_evaluations=10),
            dict(type='StabilityRule'),
        ],
    ),
]
default_hooks = dict(checkpoint=dict(interval=1))
