# FPD on LSPET-S with half of the labels: each batch has 16 photos with labels and 16 whose labels
# nobody sees, so 10 epochs are as many steps as with all labels. Train the teacher on the labelled
# half alone: --cfg-options train_dataloader.dataset.image_subset.stop=2000
_base_ = 'posenas_l8_c16_1stage_lspet_s_128x96_fpd_scratch.py'
model = dict(teacher_checkpoint='checkpoints/s_vipnas_res50_lspet_s_128x96_half.pth')
labelled = dict(_base_.train_dataloader.dataset, image_subset=dict(seed=0, start=0, stop=2000))
unlabelled = dict(
    labelled,
    type='UnlabelledTopdownDataset',
    metainfo=dict(dataset_name='lsp'),
    image_subset=dict(seed=0, start=2000, stop=4000),
)
train_dataloader = dict(
    sampler=dict(_delete_=True, type='LabelledRatioSampler', labelled_per_batch=16),
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[labelled, unlabelled]),
)
