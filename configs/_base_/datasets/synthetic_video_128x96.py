# Synthetic videos of three levels, crops of 96 x 128 (width x height). Render them, for each LEVEL of
# easy, medium and hard, with
#   posenas dataset synthetic --out data/synthetic_video/train_LEVEL --num-videos 200 --size 320 240 --level LEVEL --seed 1
#   posenas dataset synthetic --out data/synthetic_video/val_LEVEL --num-videos 30 --size 320 240 --level LEVEL --seed 2
# Training takes clips of a period of 4 frames of all levels, validation people frame by frame.
codec = dict(
    type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=2, unbiased=True
)
dataset_type = 'CocoDataset'
data_mode = 'topdown'
data_root = 'data/synthetic_video/'
_file = 'annotations/person_keypoints_videos.json'

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.25), rotate_factor=45),
    dict(type='FrameJitter', factor=0.02),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]
_people = dict(type=dataset_type, data_root=data_root, data_mode=data_mode)
_train_people = dict(_people, pipeline=train_pipeline)
_val_people = dict(_people, pipeline=val_pipeline, test_mode=True)

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                type='ClipDataset',
                length=4,
                interval=4,
                dataset=dict(
                    _train_people,
                    ann_file='train_easy/' + _file,
                    data_prefix=dict(img='train_easy/videos/'),
                ),
            ),
            dict(
                type='ClipDataset',
                length=4,
                interval=4,
                dataset=dict(
                    _train_people,
                    ann_file='train_medium/' + _file,
                    data_prefix=dict(img='train_medium/videos/'),
                ),
            ),
            dict(
                type='ClipDataset',
                length=4,
                interval=4,
                dataset=dict(
                    _train_people,
                    ann_file='train_hard/' + _file,
                    data_prefix=dict(img='train_hard/videos/'),
                ),
            ),
        ],
    ),
)
# Other levels: override ann_file and data_prefix.img of test_dataloader.dataset.dataset.
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='VideoSampler'),
    dataset=dict(
        type='ClipDataset',
        dataset=dict(
            _val_people,
            ann_file='val_medium/' + _file,
            data_prefix=dict(img='val_medium/videos/'),
        ),
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='PCKAccuracy', thr=0.1, by_visibility=True), dict(type='FrameCost')]
test_evaluator = val_evaluator
