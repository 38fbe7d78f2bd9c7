# FPD on COCO, 256x192: HRNet-W48 teaches HRNet-W32 from ImageNet or random weights. Weights of the
# teacher go into checkpoints/ under this name, or give --cfg-options model.teacher_checkpoint=FILE.
_base_ = '../../../top_down/hrnet/coco/hrnet_w32_coco_256x192.py'
model = dict(
    _delete_=True,
    type='FPDDistiller',
    student=_base_.model,
    teacher='{{fileDirname}}/../../../top_down/hrnet/coco/hrnet_w48_coco_256x192.py',
    teacher_checkpoint='checkpoints/hrnet_w48_coco_256x192.pth',
    loss=dict(type='FPDLoss', alpha=0.5),
)
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
# As published: 4 processes x 24 samples.
train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=96)
