# Search of all frames of a period together, PoseTrack 2018, 256x192, at most half of the
# multiply-accumulates of S-ViPNAS-MobileNetV3 (0.734 x 10^9) per frame on average.
_base_ = ['./t_vipnas_supernet_mbv3_posetrack18_256x192.py']
load_from = 'work_dirs/t_vipnas_supernet_mbv3_posetrack18_256x192/epoch_20.pth'
_counter = dict(type='ViPNASCounter', model=_base_.model['key'])
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(
        type='EvolutionSearch', objectives={'posetrack18/AP': 'greater'}, repair=True
    ),
    evaluator=dict(type='SupernetEvaluator'),
    wave=64,
    num_waves=21,
    num_calibration=512,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter), dict(type='ParamsCost', counter=_counter)],
        limits=dict(macs=0.37e9),
        input_size=_base_.codec['input_size'],
        num_keypoints=17,
    ),
)
# Statistics are measured on clips without augmentation.
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=_base_.val_pipeline)))
