# Dite-HRNet-18 on MPII, 256x256: the published recipe with the numerics of MMPose 0.x, on which it
# was published (val PCKh@0.5 87.0): no half bodies, no moved centres, ten epochs fewer.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/ditehrnet_18.py',
    '../../../_base_/datasets/mpii_256x256.py',
    '../../../_base_/schedules/adam_270e.py',
]
codec = dict(_base_.codec, generation='0.x')
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(
        type='RandomBBoxTransform',
        shift_prob=0,
        scale_factor=(0.75, 1.25),
        rotate_factor=60,
        generation='0.x',
    ),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
model = dict(head=dict(out_channels=16, decoder=codec))
train_cfg = dict(max_epochs=260)
default_hooks = dict(checkpoint=dict(interval=1, save_best='PCKh', rule='greater'))
