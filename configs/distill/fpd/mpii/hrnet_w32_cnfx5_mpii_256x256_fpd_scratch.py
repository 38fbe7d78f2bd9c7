# FPD on MPII, 256x256: HRNet-W48 teaches HRNet-W32 with neural fabrics.
_base_ = '../../../top_down/pnfs/mpii/hrnet_w32_cnfx5_mpii_256x256.py'
model = dict(
    _delete_=True,
    type='FPDDistiller',
    student=_base_.model,
    teacher='{{fileDirname}}/../../../top_down/hrnet/mpii/hrnet_w48_mpii_256x256.py',
    teacher_checkpoint='checkpoints/hrnet_w48_mpii_256x256.pth',
    loss=dict(type='FPDLoss', alpha=0.5),
)
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
