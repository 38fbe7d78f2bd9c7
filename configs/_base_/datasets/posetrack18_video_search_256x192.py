# PoseTrack 2018 for a search, which is scored on a fifth of the training videos; training does not
# see it.
_base_ = ['./posetrack18_video_256x192.py']
train_dataloader = dict(dataset=dict(video_subset=dict(seed=0, start=0.2)))
val_dataloader = dict(
    dataset=dict(
        video_subset=dict(seed=0, stop=0.2),
        dataset=dict(ann_file=_base_.train_dataloader['dataset']['dataset']['ann_file']),
    )
)
val_evaluator = [
    dict(
        type='PoseTrack18Metric',
        ann_file=_base_.data_root + 'annotations/train',
        seen_only=True,
    ),
]
