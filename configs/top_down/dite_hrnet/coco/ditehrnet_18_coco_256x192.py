# Dite-HRNet-18 on COCO, 256x192: the published recipe with the numerics of MMPose 0.x, on which
# it was published (val AP 0.659). The best checkpoint is chosen on annotated boxes, the final test
# runs on detected ones.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/ditehrnet_18.py',
    '../../../_base_/datasets/coco_256x192.py',
    '../../../_base_/schedules/adam_270e.py',
]
codec = dict(_base_.codec, generation='0.x')
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(
        type='RandomBBoxTransform',
        shift_once=True,
        scale_prob=0,
        rotate_prob=0,
        generation='0.x',
    ),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody', generation='0.x'),
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
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline, generation='0.x'))
val_dataloader = dict(dataset=dict(bbox_file=None, generation='0.x'))
test_dataloader = dict(dataset=dict(generation='0.x'))
model = dict(head=dict(decoder=codec))
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
