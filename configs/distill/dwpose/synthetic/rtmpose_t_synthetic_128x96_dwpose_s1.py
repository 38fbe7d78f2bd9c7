# DWPose on synthetic people, first stage: RTMPose-s teaches features and logits to RTMPose-t.
# Train the teacher by its config first.
_base_ = '../../../top_down/rtmpose/synthetic/rtmpose_t_synthetic_128x96.py'
model = dict(
    _delete_=True,
    type='DWPoseDistiller',
    student_cfg=_base_.model,
    teacher_cfg='{{fileDirname}}/../../../top_down/rtmpose/synthetic/rtmpose_s_synthetic_128x96.py',
    teacher_pretrained='checkpoints/rtmpose_s_synthetic_128x96.pth',
    distill_cfg=[
        dict(
            methods=[
                dict(
                    type='FeaLoss',
                    name='loss_fea',
                    use_this=True,
                    student_channels=384,
                    teacher_channels=512,
                    alpha_fea=0.00007,
                )
            ]
        ),
        dict(methods=[dict(type='KDLoss', name='loss_logit', use_this=True, weight=0.1)]),
    ],
)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0, norm_type=2))
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater'))
