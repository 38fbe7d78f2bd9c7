# DWPose on COCO, 256x192, first stage: RTMPose-l teaches features and logits to RTMPose-t.
# Put weights of the teacher into checkpoints/ under this name.
_base_ = '../../../top_down/rtmpose/coco/rtmpose_t_coco_256x192.py'
model = dict(
    _delete_=True,
    type='DWPoseDistiller',
    student_cfg=_base_.model,
    teacher_cfg='{{fileDirname}}/../../../top_down/rtmpose/coco/rtmpose_l_coco_256x192.py',
    teacher_pretrained='checkpoints/rtmpose_l_coco_256x192.pth',
    distill_cfg=[
        dict(
            methods=[
                dict(
                    type='FeaLoss',
                    name='loss_fea',
                    use_this=True,
                    student_channels=384,
                    teacher_channels=1024,
                    alpha_fea=0.00007,
                )
            ]
        ),
        dict(methods=[dict(type='KDLoss', name='loss_logit', use_this=True, weight=0.1)]),
    ],
)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0, norm_type=2))
custom_hooks = [*_base_.custom_hooks, dict(type='DistillStateHook')]
