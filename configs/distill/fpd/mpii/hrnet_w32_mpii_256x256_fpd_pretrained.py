# FPD on MPII, 256x256: HRNet-W48 fine-tunes HRNet-W32, by the script of the published code, which
# reports no result for it.
_base_ = '../../../top_down/hrnet/mpii/hrnet_w32_mpii_256x256.py'
model = dict(
    _delete_=True,
    type='FPDDistiller',
    student=_base_.model,
    student_checkpoint='checkpoints/hrnet_w32_mpii_256x256.pth',
    teacher='{{fileDirname}}/../../../top_down/hrnet/mpii/hrnet_w48_mpii_256x256.py',
    teacher_checkpoint='checkpoints/hrnet_w48_mpii_256x256.pth',
    loss=dict(type='FPDLoss', alpha=0.5),
)
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
train_dataloader = dict(batch_size=16)
train_cfg = dict(max_epochs=20)
optim_wrapper = dict(optimizer=dict(lr=1e-5))
param_scheduler = [
    dict(type='MultiStepLR', begin=0, end=20, milestones=[5, 10, 15], gamma=0.1, by_epoch=True)
]
auto_scale_lr = dict(base_batch_size=16)
