# Search in the trained half-width supernet, LSPET-S, 128x96, within 5 % of the MACs of the published
# architecture at half its width (0.1304 x 10^9).
_base_ = ['./vipnas_supernet_res50_half_lspet_s_128x96.py']
load_from = 'work_dirs/vipnas_supernet_res50_half_lspet_s_128x96/epoch_30.pth'
_counter = dict(type='ViPNASCounter')
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(type='EvolutionSearch', objectives=dict(PCK='greater'), num_random=32),
    evaluator=dict(type='SupernetEvaluator'),
    wave=32,
    num_waves=11,
    num_calibration=512,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter), dict(type='ParamsCost', counter=_counter)],
        limits=dict(macs=(0.1239e9, 0.1370e9)),
        input_size=_base_.codec['input_size'],
        num_keypoints=14,
    ),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
