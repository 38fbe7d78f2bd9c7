# Search in the trained supernet at half width: per frame on average within 2 % of half of the
# multiply-accumulates of the key network (0.1306 x 10^9).
_base_ = ['./t_vipnas_supernet_res50_half_synthetic_video_128x96.py']
load_from = 'work_dirs/t_vipnas_supernet_res50_half_synthetic_video_128x96/epoch_8.pth'
_counter = dict(type='ViPNASCounter', model=_base_.model['key'])
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(type='EvolutionSearch', objectives=dict(PCK='greater'), repair=True),
    evaluator=dict(type='SupernetEvaluator'),
    wave=32,
    num_waves=8,
    num_calibration=128,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter), dict(type='ParamsCost', counter=_counter)],
        limits=dict(macs=(0.0644e9, 0.0670e9)),
        input_size=_base_.codec['input_size'],
        num_keypoints=17,
    ),
)
_middle = _base_.train_dataloader['dataset']['datasets'][1]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        **dict(_middle, dataset=dict(_middle['dataset'], pipeline=_base_.val_pipeline)),
    )
)
