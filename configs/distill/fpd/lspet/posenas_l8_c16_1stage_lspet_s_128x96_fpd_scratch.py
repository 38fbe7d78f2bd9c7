# FPD on LSPET-S: S-ViPNAS-Res50 teaches a narrow, short PoseNAS on photos that both have labels of.
# Train the teacher by its config, then put its last checkpoint into checkpoints/ under this name
# or give --cfg-options model.teacher_checkpoint=FILE.
_base_ = '../../../top_down/posenas/lspet/posenas_l8_c16_1stage_lspet_s_128x96.py'
model = dict(
    _delete_=True,
    type='FPDDistiller',
    student=_base_.model,
    teacher='{{fileDirname}}/../../../top_down/vipnas/lspet/s_vipnas_res50_lspet_s_128x96.py',
    teacher_checkpoint='checkpoints/s_vipnas_res50_lspet_s_128x96.pth',
    loss=dict(type='FPDLoss', alpha=0.5),
)
