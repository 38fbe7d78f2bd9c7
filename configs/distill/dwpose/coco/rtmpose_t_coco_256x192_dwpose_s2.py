# DWPose on COCO, 256x192, second stage: the student of the first one teaches a new head of itself.
_base_ = '../../../top_down/rtmpose/coco/rtmpose_t_coco_256x192.py'
model = dict(
    _delete_=True,
    type='DWPoseDistiller',
    two_dis=True,
    student_cfg=_base_.model,
    teacher_cfg='{{fileDirname}}/../../../top_down/rtmpose/coco/rtmpose_t_coco_256x192.py',
    teacher_pretrained='work_dirs/rtmpose_t_coco_256x192_dwpose_s1/student_best.pth',
    distill_cfg=[dict(methods=[dict(type='KDLoss', name='loss_logit', use_this=True, weight=1.0)])],
)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0, norm_type=2))
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
train_cfg = dict(max_epochs=60, val_interval=10)
