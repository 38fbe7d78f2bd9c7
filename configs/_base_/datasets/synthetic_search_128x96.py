# Synthetic people for a search, which is scored on a fifth; training does not see it.
_base_ = ['./synthetic_128x96.py']
train_dataloader = dict(dataset=dict(image_subset=dict(seed=0, start=0.2)))
val_dataloader = dict(
    dataset=dict(
        ann_file=_base_.train_dataloader['dataset']['ann_file'],
        data_prefix=_base_.train_dataloader['dataset']['data_prefix'],
        bbox_file=None,
        image_subset=dict(seed=0, stop=0.2),
    )
)
val_evaluator = dict(_delete_=True, type='PCKAccuracy', thr=0.1)
