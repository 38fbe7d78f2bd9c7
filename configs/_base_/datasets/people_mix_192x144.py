# People with COCO's keypoints from four sources (link data/people, data/lspet and
# data/synthetic_people; data/README.md says how), crops of 144 x 192 (width x height).
#
# Chosen by 100 photos of people_val and by lspet_dev, 800 seeded photos of LSPET's training set,
# the last ones of the order of which LSPET-S takes the first 4,000.
input_size, heatmap_size = (144, 192), (36, 48)
codec = dict(
    type='MSRAHeatmap', input_size=input_size, heatmap_size=heatmap_size, sigma=2, unbiased=True
)
skeleton = dict(dataset_name='coco')
people, lspet, synthetic = 'data/people/', 'data/lspet/', 'data/synthetic_people/'
# The 10 photos that coco_mini's training set holds too.
in_coco_mini = [192, 241, 257, 338, 459, 474, 536, 564, 589, 790]
# LSP's keypoints without neck and head_top -> COCO's.
lsp_to_coco = [
    *[(9, 5), (8, 6), (10, 7), (7, 8), (11, 9), (6, 10)],
    *[(3, 11), (2, 12), (4, 13), (1, 14), (5, 15), (0, 16)],
]

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.3), rotate_factor=45),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='PhotometricDistortion', generation='0.x'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='PackPoseInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    # Of 32: 9 people of COCO, 6 of other photos with a teacher's labels, 16 of LSPET with the
    # labels of annotators and, where they have none, of the teacher, 1 synthetic person.
    sampler=dict(type='MultiSourceSampler', source_ratio=[9, 6, 16, 1]),
    dataset=dict(
        type='CombinedDataset',
        metainfo=skeleton,
        datasets=[
            dict(
                type='CocoDataset',
                data_root=people,
                ann_file='annotations/people_train.json',
                data_prefix=dict(img='images/'),
                image_subset=dict(exclude=in_coco_mini),
            ),
            dict(
                type='TaughtDataset',
                data_root=people,
                ann_file='annotations/teacher_train.json',
                data_prefix=dict(img='images/'),
            ),
            dict(
                type='TaughtDataset',
                data_root=lspet,
                ann_file='annotations/lspet_train.json',
                teacher_file=people + 'annotations/teacher_lspet_train.json',
                mapping=lsp_to_coco,
                min_mean_score=0.4,
                data_prefix=dict(img='images/train/'),
                image_subset=dict(seed=0, stop=7023),
            ),
            dict(
                type='CocoDataset',
                data_root=synthetic,
                ann_file='annotations/person_keypoints.json',
                data_prefix=dict(img='images/'),
            ),
        ],
        pipeline=train_pipeline,
    ),
)
lspet_dev = dict(
    type='LspDataset',
    data_root=lspet,
    ann_file='annotations/lspet_train.json',
    data_prefix=dict(img='images/train/'),
    image_subset=dict(seed=0, start=7023),
    test_mode=True,
    pipeline=[dict(type='KeypointConverter', num_keypoints=17, mapping=lsp_to_coco)],
)
val_dataloader = dict(
    batch_size=50,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='CombinedDataset',
        metainfo=skeleton,
        datasets=[
            lspet_dev,
            dict(
                type='CocoDataset',
                data_root=people,
                ann_file='annotations/people_val.json',
                data_prefix=dict(img='images/'),
                test_mode=True,
            ),
        ],
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='PCKAccuracy', thr=0.1)
test_evaluator = val_evaluator
