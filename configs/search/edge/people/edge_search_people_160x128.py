# Search in the trained supernet, within parameters and multiply-accumulates.
_base_ = ['./edge_supernet_people_160x128.py']
load_from = 'work_dirs/edge_supernet_people_160x128/epoch_6.pth'
_counter = dict(type='EdgeCounter')
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(
        type='EvolutionSearch', objectives=dict(PCK='greater'), num_random=48, num_parents=16
    ),
    evaluator=dict(type='SupernetEvaluator'),
    wave=16,
    num_waves=13,
    num_calibration=256,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter), dict(type='ParamsCost', counter=_counter)],
        limits=dict(params=1.3e6, macs=0.25e9),
        input_size=_base_.codec['input_size'],
        num_keypoints=17,
    ),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
