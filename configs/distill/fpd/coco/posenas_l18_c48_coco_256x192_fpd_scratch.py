# FPD on COCO, 256x192: HRNet-W48 teaches PoseNAS-L18-C48. For a student trained alone before, give
# --cfg-options model.student_checkpoint=FILE.
_base_ = '../../../top_down/posenas/coco/posenas_l18_c48_coco_256x192.py'
model = dict(
    _delete_=True,
    type='FPDDistiller',
    student=_base_.model,
    teacher='{{fileDirname}}/../../../top_down/hrnet/coco/hrnet_w48_coco_256x192.py',
    teacher_checkpoint='checkpoints/hrnet_w48_coco_256x192.pth',
    loss=dict(type='FPDLoss', alpha=0.5),
)
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
