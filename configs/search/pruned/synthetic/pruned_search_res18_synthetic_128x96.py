# Search among the networks that ResNet-18 can be pruned to, for accuracy within a third of its
# multiply-accumulates.
_base_ = ['./pruned_supernet_res18_synthetic_128x96.py']
load_from = 'work_dirs/pruned_supernet_res18_synthetic_128x96/epoch_30.pth'
model = dict(checkpoint=None)
_counter = dict(type='PrunedModelCounter', model=_base_.model)
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(type='EvolutionSearch', objectives=dict(PCK='greater'), num_random=16),
    evaluator=dict(type='SupernetEvaluator'),
    wave=8,
    num_waves=8,
    num_calibration=64,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter), dict(type='ParamsCost', counter=_counter)],
        limits=dict(macs=0.24e9),
        input_size=_base_.codec['input_size'],
        num_keypoints=17,
    ),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
