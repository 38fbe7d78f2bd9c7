# Supernet of the networks that half an S-ViPNAS-Res50, trained on people from four sources, can be
# pruned to; crops of 128 x 160 (width x height). s_vipnas_res50_half_people_160x128 is the network.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_res50_half.py',
    '../../../_base_/datasets/people_search_160x128.py',
    '../../../_base_/schedules/supernet_30e.py',
]
model = dict(
    type='PrunedModelSupernet',
    checkpoint='work_dirs/s_vipnas_res50_half_people_160x128/epoch_16.pth',
    width=(0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0),
    depth=(0.5, 0.75, 1.0),
    head=dict(decoder=_base_.codec),
)
max_epochs = 1
train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs + 1, num_paths=3)
optim_wrapper = dict(
    optimizer=dict(lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0),
)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=50, start_factor=0.01, by_epoch=False),
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
