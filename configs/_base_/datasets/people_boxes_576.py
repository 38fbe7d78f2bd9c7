# Photos of people with boxes (link data/people to their folder) and synthetic people, made by
# posenas dataset synthetic --out data/synthetic_people --num-images 1200 --seed 1801
# Trained on canvases of 512 x 512, tested on whole photos, brought to a longer side of 576 pixels, and
# on their copies of half that size.
codec = dict(type='CenterBox', stride=4, with_half=True)
people = 'data/people/'
photos = [dict(type='LoadImage')]
# The 10 photos that coco_mini's training set holds too.
in_coco_mini = [192, 241, 257, 338, 459, 474, 536, 564, 589, 790]

train_pipeline = [
    dict(type='PhotometricDistortion', generation='0.x'),
    dict(type='GenerateBoxTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='Letterbox', size=(576, 576)),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    # Of 8: 5 photos with labels of COCO, 2 with boxes of other sets, 1 of synthetic people.
    sampler=dict(type='MultiSourceSampler', source_ratio=[5, 2, 1]),
    dataset=dict(
        type='MosaicDataset',
        canvas_size=(512, 512),
        photo_size=512,
        scale_range=(0.45, 1.25),
        mosaic_prob=0.5,
        mosaic_scale_range=(0.3, 0.85),
        dataset=dict(
            type='CombinedDataset',
            metainfo=dict(dataset_name='coco'),
            datasets=[
                dict(
                    type='PersonBoxDataset',
                    data_root=people,
                    ann_file='annotations/people_train.json',
                    data_prefix=dict(img='images/'),
                    image_subset=dict(exclude=in_coco_mini),
                    pipeline=photos,
                ),
                dict(
                    type='PersonBoxDataset',
                    data_root=people,
                    ann_file='annotations/teacher_train.json',
                    data_prefix=dict(img='images/'),
                    pipeline=photos,
                ),
                dict(
                    type='PersonBoxDataset',
                    data_root='data/synthetic_people/',
                    ann_file='annotations/person_keypoints.json',
                    data_prefix=dict(img='images/'),
                    pipeline=photos,
                ),
            ],
        ),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=10,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='PersonBoxDataset',
        data_root=people,
        ann_file='annotations/people_val.json',
        data_prefix=dict(img='images/'),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoBoxMetric', ann_file=people + 'annotations/people_val.json')
test_evaluator = val_evaluator
