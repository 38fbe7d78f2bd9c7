# ResNet-152 baseline on COCO, 384x288: recipe and colours of MMPose.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/simple_baseline_res50.py',
    '../../../_base_/datasets/coco_384x288.py',
    '../../../_base_/schedules/adam_210e.py',
]
model = dict(backbone=dict(depth=152), head=dict(decoder=_base_.codec))
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
