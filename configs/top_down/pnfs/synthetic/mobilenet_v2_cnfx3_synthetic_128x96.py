# MobileNetV2 and three narrow neural fabrics on synthetic people alone; reproduces no published
# row.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/mobilenet_v2_cnfx3.py',
    '../../../_base_/datasets/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
fabric = dict(factor=8)
model = dict(neck=dict(fabric=fabric), head=dict(fabric=fabric, decoder=_base_.codec))
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='PCK', rule='greater'))
