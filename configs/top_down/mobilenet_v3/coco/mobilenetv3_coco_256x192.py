# MobileNetV3 baseline of ViPNAS on COCO, 256x192: recipe and colours of MMPose. The paper tells
# neither the head nor the schedule of its baseline; these are the ones of our ResNet-50 baseline.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/mobilenet_v3.py',
    '../../../_base_/datasets/coco_256x192.py',
    '../../../_base_/schedules/adam_210e.py',
]
model = dict(head=dict(decoder=_base_.codec))
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))
