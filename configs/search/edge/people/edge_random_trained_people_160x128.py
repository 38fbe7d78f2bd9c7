# The architectures of edge_random_people_160x128.py, each trained from scratch for one epoch and scored
# on lspet_dev and people_val: what shared weights are compared with.
_base_ = ['./edge_random_people_160x128.py']
load_from = None
train_cfg = dict(
    evaluator=dict(
        _delete_=True,
        type='TrainEvaluator',
        config='configs/top_down/edge/people/edge_found_people_160x128.py',
        cfg_options={
            'train_cfg.max_epochs': 1,
            'train_cfg.val_begin': 1,
            'train_cfg.val_interval': 1,
            'param_scheduler.0.end': 50,
            'param_scheduler.1.end': 1,
            'param_scheduler.1.T_max': 1,
        },
    ),
)
