# Random architectures of the trained supernet, LSPET-S, 128x96, about as expensive as most are.
_base_ = ['./posenas_search_l8_c16_lspet_s_128x96.py']
load_from = 'work_dirs/posenas_search_l8_c16_lspet_s_128x96/epoch_20.pth'
_counter = dict(type='PoseNASCounter', model=_base_.model)
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(type='RandomSearch', objectives=dict(PCK='greater')),
    evaluator=dict(type='SupernetEvaluator'),
    wave=4,
    num_waves=8,
    num_calibration=512,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter)],
        limits=dict(macs=(0.036e9, 0.0377e9)),
        input_size=_base_.codec['input_size'],
        num_keypoints=14,
    ),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
custom_hooks = [dict(type='SyncBuffersHook')]
