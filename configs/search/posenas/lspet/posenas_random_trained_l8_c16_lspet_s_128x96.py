# The architectures of posenas_random_l8_c16_lspet_s_128x96.py, each trained from scratch for three
# epochs and scored on the validation photos: what shared weights are compared with.
_base_ = ['./posenas_random_l8_c16_lspet_s_128x96.py']
load_from = None
train_cfg = dict(
    algorithm=dict(objectives=dict(_delete_=True, **{'PCK@0.1': 'greater'})),
    evaluator=dict(
        type='TrainEvaluator',
        config='configs/top_down/posenas/lspet/posenas_l8_c16_1stage_lspet_s_128x96.py',
        cfg_options={
            'train_cfg.max_epochs': 3,
            'train_cfg.val_interval': 3,
            'param_scheduler.1.end': 3,
            'param_scheduler.1.T_max': 3,
            'optim_wrapper.type': 'AmpOptimWrapper',
            'optim_wrapper.dtype': 'bfloat16',
        },
    ),
)
