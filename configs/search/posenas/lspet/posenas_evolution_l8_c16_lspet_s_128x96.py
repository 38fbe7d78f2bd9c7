# Evolution in the trained supernet, LSPET-S, 128x96: cells that share its weights are validated.
_base_ = ['./posenas_search_l8_c16_lspet_s_128x96.py']
load_from = 'work_dirs/posenas_search_l8_c16_lspet_s_128x96/epoch_10.pth'
_counter = dict(
    type='NetworkCounter',
    model=dict(
        type='TopdownPoseEstimator',
        backbone=dict(type='PoseNAS'),
        head=dict(type='PoseNASHead', in_channels=32, out_channels=14, num_stages=1),
    ),
)
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(type='EvolutionSearch', objectives={'PCK@0.1': 'greater'}, num_random=32),
    evaluator=dict(type='SupernetEvaluator'),
    wave=32,
    num_waves=11,
    num_calibration=512,
    budget=dict(
        costs=[dict(type='MacsCost', counter=_counter)],
        limits=dict(macs=(0.0, 0.045e9)),
        input_size=_base_.codec['input_size'],
        num_keypoints=14,
    ),
)
_plain_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=_base_.codec['input_size']),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=_plain_pipeline))
custom_hooks = [dict(type='SyncBuffersHook')]
