# LSPET-S for a search, which is scored on 600 of the 4,000 images; training does not see them.
_base_ = ['./lspet_s_128x96.py']
train_dataloader = dict(dataset=dict(image_subset=dict(seed=0, start=0, stop=3400)))
val_dataloader = dict(
    dataset=dict(
        ann_file=_base_.train_dataloader['dataset']['ann_file'],
        data_prefix=_base_.train_dataloader['dataset']['data_prefix'],
        bbox_file=None,
        image_subset=dict(seed=0, start=3400, stop=4000),
    )
)
val_evaluator = dict(_delete_=True, type='PCKAccuracy', thr=0.1)
