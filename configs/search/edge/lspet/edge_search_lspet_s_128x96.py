# Search in the supernet trained on LSPET-S, 128x96, within parameters and multiply-accumulates.
_base_ = ['./edge_supernet_lspet_s_128x96.py']
load_from = 'work_dirs/edge_supernet_lspet_s_128x96/epoch_30.pth'
_counter = dict(type='EdgeCounter')
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(type='EvolutionSearch', objectives=dict(PCK='greater'), num_random=32),
    evaluator=dict(type='SupernetEvaluator'),
    wave=16,
    num_waves=13,
    num_calibration=256,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter), dict(type='ParamsCost', counter=_counter)],
        limits=dict(params=1.3e6, macs=0.1e9),
        input_size=_base_.codec['input_size'],
        num_keypoints=14,
    ),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
