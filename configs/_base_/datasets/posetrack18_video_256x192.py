# PoseTrack 2018 as videos, person crops of 192 x 256 (width x height): clips of a period of 4 frames
# in training, people frame by frame, with annotated boxes and tracks, in validation. The official
# files, one per video, list frames without labels as well: tracks are carried through these.
_base_ = ['./posetrack18_256x192.py']
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.25), rotate_factor=60),
    dict(type='FrameJitter', factor=0.02),
    dict(type='TopdownAffine', input_size=_base_.codec['input_size']),
    dict(type='GenerateTarget', encoder=_base_.codec),
    dict(type='PackPoseInputs'),
]
_people = dict(type='PoseTrack18Dataset', data_root=_base_.data_root, data_mode='topdown')
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ClipDataset',
        length=4,
        dataset=dict(
            _people,
            ann_file='annotations/train',
            data_prefix=dict(img=''),
            pipeline=train_pipeline,
        ),
    )
)
val_dataloader = dict(
    sampler=dict(_delete_=True, type='VideoSampler'),
    dataset=dict(
        _delete_=True,
        type='ClipDataset',
        dataset=dict(
            _people,
            ann_file='annotations/val',
            data_prefix=dict(img=''),
            test_mode=True,
            pipeline=_base_.val_pipeline,
        ),
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='PoseTrack18Metric', ann_file=_base_.data_root + 'annotations/val'),
    dict(type='FrameCost'),
]
test_evaluator = val_evaluator
