# Search of all frames of a period together, under one budget of mean multiply-accumulates per frame.
_base_ = ['./t_vipnas_supernet_tiny_synthetic_video_128x96.py']
load_from = 'work_dirs/t_vipnas_supernet_tiny_synthetic_video_128x96/epoch_8.pth'
_counter = dict(type='ViPNASCounter', model=_base_.model['key'])
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(type='EvolutionSearch', objectives=dict(PCK='greater'), repair=True),
    evaluator=dict(type='SupernetEvaluator'),
    wave=8,
    num_waves=4,
    num_calibration=64,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter), dict(type='ParamsCost', counter=_counter)],
        limits=dict(macs=11e6),
        input_size=_base_.codec['input_size'],
        num_keypoints=17,
    ),
)
# Statistics are measured on clips without augmentation.
_middle = _base_.train_dataloader['dataset']['datasets'][1]
train_dataloader = dict(
    dataset=dict(
        _delete_=True, **dict(_middle, dataset=dict(_middle['dataset'], pipeline=_base_.val_pipeline))
    )
)
