# Search in a trained supernet, COCO, 256x192: evolution within 5 % of the published MACs.
# Candidates are scored on 5,000 training images that the supernet has not seen.
_base_ = ['./vipnas_supernet_res50_coco_256x192.py']
load_from = 'work_dirs/vipnas_supernet_res50_coco_256x192/epoch_210.pth'
_counter = dict(type='ViPNASCounter')
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(type='EvolutionSearch', objectives=dict(PCK='greater')),
    evaluator=dict(type='SupernetEvaluator'),
    wave=64,
    num_waves=21,
    num_calibration=2048,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter), dict(type='ParamsCost', counter=_counter)],
        limits=dict(macs=(1.39e9, 1.54e9)),
        input_size=_base_.codec['input_size'],
        num_keypoints=17,
    ),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
