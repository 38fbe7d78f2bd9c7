# FPD on synthetic people, seconds on a CPU: a narrow HRNet teaches the smallest network; a quarter
# of each batch comes without labels. Train the teacher by its config first.
_base_ = '../../../top_down/tiny/synthetic/tiny_synthetic_128x96.py'
model = dict(
    _delete_=True,
    type='FPDDistiller',
    student=_base_.model,
    teacher='{{fileDirname}}/../../../top_down/hrnet/synthetic/hrnet_w16_synthetic_128x96.py',
    teacher_checkpoint='checkpoints/hrnet_w16_synthetic_128x96.pth',
    loss=dict(type='FPDLoss', alpha=0.5),
)
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
labelled = dict(_base_.train_dataloader.dataset, image_subset=dict(stop=0.75))
unlabelled = dict(
    labelled, type='UnlabelledTopdownDataset', image_subset=dict(start=0.75, stop=1.0)
)
train_dataloader = dict(
    sampler=dict(_delete_=True, type='LabelledRatioSampler', labelled_per_batch=24),
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[labelled, unlabelled]),
)
