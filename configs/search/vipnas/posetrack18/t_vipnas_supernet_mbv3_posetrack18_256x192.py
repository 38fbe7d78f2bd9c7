# T-ViPNAS supernet on PoseTrack 2018, 256x192: key frames are seen by S-ViPNAS-MobileNetV3, fine-tuned on
# PoseTrack 2018 and frozen, from which the light supernet starts too. A fifth of the training videos
# is kept for the search.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_mbv3.py',
    '../../../_base_/datasets/posetrack18_video_search_256x192.py',
    '../../../_base_/schedules/supernet_posetrack18_20e.py',
]
_head = dict(_base_.model['head'], decoder=_base_.codec)
_checkpoint = 'work_dirs/s_vipnas_mbv3_posetrack18_256x192/epoch_20.pth'
model = dict(
    _delete_=True,
    type='TViPNASSupernet',
    space=dict(
        type='TViPNASSpace',
        period=4,
        space=dict(type='ViPNASSpace', backbone='ViPNAS_MobileNetV3'),
        key='s_vipnas_mbv3_posetrack18_256x192',
    ),
    key=dict(_base_.model, head=_head),
    backbone=dict(type='ViPNAS_MobileNetV3'),
    key_checkpoint=_checkpoint,
    light_checkpoint=_checkpoint,
    test_cfg=dict(flip_test=False),
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
