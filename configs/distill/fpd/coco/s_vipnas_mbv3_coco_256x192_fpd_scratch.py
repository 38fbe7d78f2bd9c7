# FPD on COCO, 256x192: HRNet-W48 teaches S-ViPNAS-MobileNetV3. For a student trained alone
# before, give --cfg-options model.student_checkpoint=FILE.
_base_ = '../../../top_down/vipnas/coco/s_vipnas_mbv3_coco_256x192.py'
model = dict(
    _delete_=True,
    type='FPDDistiller',
    student=_base_.model,
    teacher='{{fileDirname}}/../../../top_down/hrnet/coco/hrnet_w48_coco_256x192.py',
    teacher_checkpoint='checkpoints/hrnet_w48_coco_256x192.pth',
    loss=dict(type='FPDLoss', alpha=0.5),
)
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
