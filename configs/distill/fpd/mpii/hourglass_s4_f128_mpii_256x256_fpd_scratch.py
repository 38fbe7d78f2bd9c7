# FPD on MPII, 256x256: an hourglass of 8 stacks x 256 features teaches one of 4 x 128 that starts
# from random weights (PCKh 87.598 as published, below training alone). Weights of the teacher go
# into checkpoints/ under this name, or give --cfg-options model.teacher_checkpoint=FILE.
_base_ = '../../../top_down/hourglass/mpii/hourglass_s4_f128_mpii_256x256.py'
model = dict(
    _delete_=True,
    type='FPDDistiller',
    student=_base_.model,
    teacher='{{fileDirname}}/../../../top_down/hourglass/mpii/hourglass_s8_f256_mpii_256x256.py',
    teacher_checkpoint='checkpoints/hourglass_s8_f256_mpii_256x256.pth',
    loss=dict(type='FPDLoss', alpha=0.5),
)
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
