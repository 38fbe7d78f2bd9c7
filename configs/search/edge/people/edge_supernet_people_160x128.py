# Supernet of networks for inference engines on people from four sources, crops of 128 x 160 (width x
# height). Architectures are scored on lspet_dev and on 200 photos that it does not see.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/edge_supernet.py',
    '../../../_base_/datasets/people_search_160x128.py',
    '../../../_base_/schedules/supernet_30e.py',
]
model = dict(head=dict(decoder=_base_.codec), test_cfg=dict(flip_test=False))
max_epochs = 6
train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs + 1, num_paths=3)
optim_wrapper = dict(
    optimizer=dict(lr=2e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0),
)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=300, start_factor=0.01, by_epoch=False),
    dict(
        type='CosineAnnealingLR',
        begin=0,
        end=max_epochs,
        T_max=max_epochs,
        eta_min=0,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
