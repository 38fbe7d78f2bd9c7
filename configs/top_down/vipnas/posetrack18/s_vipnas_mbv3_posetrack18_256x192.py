# S-ViPNAS-MobileNetV3 fine-tuned on PoseTrack 2018, 256x192; start from COCO weights by load_from=FILE.
# All 17 outputs are kept: head bottom and top learn anew what were the eyes.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_mbv3.py',
    '../../../_base_/datasets/posetrack18_256x192.py',
    '../../../_base_/schedules/adam_posetrack18_20e.py',
]
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform', scale_factor=(0.75, 1.25), rotate_factor=60),
    dict(type='TopdownAffine', input_size=_base_.codec['input_size']),
    dict(type='GenerateTarget', encoder=_base_.codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(head=dict(decoder=_base_.codec))
default_hooks = dict(checkpoint=dict(save_best='posetrack18/AP', rule='greater'))
