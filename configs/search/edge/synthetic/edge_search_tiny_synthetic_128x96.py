# Search in the smallest supernet of networks for inference engines, for accuracy against parameters.
_base_ = ['./edge_supernet_tiny_synthetic_128x96.py']
load_from = 'work_dirs/edge_supernet_tiny_synthetic_128x96/epoch_8.pth'
_counter = dict(type='EdgeCounter')
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(type='NSGA2', objectives=dict(PCK='greater', params='less')),
    evaluator=dict(type='SupernetEvaluator'),
    wave=8,
    num_waves=4,
    num_calibration=64,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter), dict(type='ParamsCost', counter=_counter)],
        input_size=_base_.codec['input_size'],
        num_keypoints=17,
    ),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
