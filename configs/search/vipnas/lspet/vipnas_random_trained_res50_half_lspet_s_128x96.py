# The networks of vipnas_random_res50_half_lspet_s_128x96.py, each trained from scratch for two
# epochs and scored on the validation photos: what shared weights are compared with.
_base_ = ['./vipnas_random_res50_half_lspet_s_128x96.py']
load_from = None
train_cfg = dict(
    algorithm=dict(objectives=dict(_delete_=True, **{'PCK@0.1': 'greater'})),
    evaluator=dict(
        type='TrainEvaluator',
        config='configs/top_down/vipnas/lspet/s_vipnas_res50_half_lspet_s_128x96.py',
        cfg_options={
            'train_cfg.max_epochs': 2,
            'train_cfg.val_interval': 2,
            'param_scheduler.1.end': 2,
            'param_scheduler.1.T_max': 2,
            'optim_wrapper.type': 'AmpOptimWrapper',
            'optim_wrapper.dtype': 'bfloat16',
        },
    ),
)
