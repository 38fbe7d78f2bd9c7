# FPD on MPII, 256x256, without labels: the teacher's maps are all that the student learns from, on
# the people of the training split, whose labels are dropped, and on those of the test split.
_base_ = 'hourglass_s4_f128_mpii_256x256_fpd_scratch.py'
unlabelled = dict(_base_.train_dataloader.dataset, type='UnlabelledTopdownDataset', layout='mpii')
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[unlabelled, dict(unlabelled, ann_file='annotations/mpii_test.json')],
    )
)
