# DWPose on synthetic people, second stage: the student of the first one teaches a new head of itself.
_base_ = '../../../top_down/rtmpose/synthetic/rtmpose_t_synthetic_128x96.py'
model = dict(
    _delete_=True,
    type='DWPoseDistiller',
    two_dis=True,
    student_cfg=_base_.model,
    teacher_cfg='{{fileDirname}}/../../../top_down/rtmpose/synthetic/rtmpose_t_synthetic_128x96.py',
    teacher_pretrained='work_dirs/rtmpose_t_synthetic_128x96_dwpose_s1/student_best.pth',
    distill_cfg=[dict(methods=[dict(type='KDLoss', name='loss_logit', use_this=True, weight=1.0)])],
)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0, norm_type=2))
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater'))
