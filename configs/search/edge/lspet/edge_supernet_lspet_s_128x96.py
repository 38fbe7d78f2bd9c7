# Supernet of networks for inference engines on LSPET-S, 128x96. The search is scored on 600 of the
# 4,000 images, which the supernet does not see.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/edge_supernet.py',
    '../../../_base_/datasets/lspet_s_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
model = dict(head=dict(out_channels=14, decoder=_base_.codec))
train_dataloader = dict(dataset=dict(image_subset=dict(seed=0, start=0, stop=3400)))
max_epochs = 30
train_cfg = dict(
    _delete_=True,
    type='SupernetLoop',
    max_epochs=max_epochs,
    val_begin=max_epochs + 1,
    num_paths=3,
    distillation=dict(alpha=0.5),
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
val_dataloader = dict(
    dataset=dict(
        ann_file=_base_.train_dataloader['dataset']['ann_file'],
        data_prefix=_base_.train_dataloader['dataset']['data_prefix'],
        bbox_file=None,
        image_subset=dict(seed=0, start=3400, stop=4000),
    )
)
val_evaluator = dict(_delete_=True, type='PCKAccuracy', thr=0.1)
