# As t_vipnas_res50_posetrack18_256x192.py, with S-ViPNAS-MobileNetV3 on key frames and narrower, less
# deep MobileNets on the others.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_mbv3.py',
    '../../../_base_/datasets/posetrack18_video_256x192.py',
    '../../../_base_/schedules/adam_posetrack18_20e.py',
]
_head = dict(_base_.model['head'], decoder=_base_.codec)
_light = dict(
    type='TViPNASNet',
    backbone=dict(
        type='ViPNASMobileNetV3',
        wid=[16, 16, 16, 32, 64, 96, 128],
        expan=[None, 1, 3, 3, 3, 3, 3],
        dep=[None, 1, 2, 2, 2, 2, 2],
        group=[None, 8, 48, 24, 48, 72, 96],
    ),
    head=dict(
        _head,
        in_channels=128,
        deconv_out_channels=(128, 128, 128),
        deconv_num_groups=(128, 128, 128),
    ),
    fusion=dict(stage=2, op='mul', in_channels=32),
)
model = dict(
    _delete_=True,
    type='OnlinePoseEstimator',
    key=dict(_base_.model, head=_head),
    frames=[_light, _light, _light],
    key_checkpoint='work_dirs/s_vipnas_mbv3_posetrack18_256x192/epoch_20.pth',
    test_cfg=dict(flip_test=False),
)
default_hooks = dict(checkpoint=dict(save_best='posetrack18/AP', rule='greater'))
