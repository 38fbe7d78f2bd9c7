# A narrow S-ViPNAS for `make demo`: minutes on two cores. Widths, initialisation and schedule are
# made for a short run (the last stage keeps its resolution, no rotation of the crops); they do not
# reproduce a published row.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_res50.py',
    '../../../_base_/datasets/synthetic_128x96.py',
]
model = dict(
    backbone=dict(
        strides=(1, 2, 2, 1),
        wid=(24, 32, 64, 96, 160),
        dep=(None, 1, 2, 2, 2),
        ks=(7, 3, 3, 3, 3),
        group=(None, 1, 1, 1, 1),
        init_cfg=[
            dict(type='Kaiming', layer=['Conv2d']),
            dict(type='Constant', val=1, layer=['_BatchNorm']),
        ],
    ),
    head=dict(
        in_channels=160,
        deconv_out_channels=(64, 64),
        deconv_kernel_sizes=(4, 4),
        deconv_num_groups=(4, 4),
        decoder=_base_.codec,
    ),
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='TopdownAffine', input_size=_base_.codec['input_size']),
    dict(type='GenerateTarget', encoder=_base_.codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
max_epochs = 8
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=2)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01), clip_grad=dict(max_norm=1.0)
)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=100, start_factor=0.01, by_epoch=False),
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
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(checkpoint=dict(interval=4, max_keep_ckpts=1, save_best='PCK', rule='greater'))
