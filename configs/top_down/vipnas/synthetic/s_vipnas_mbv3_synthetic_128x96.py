# S-ViPNAS-MobileNetV3 on synthetic people alone; it reproduces no published row.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/s_vipnas_mbv3.py',
    '../../../_base_/datasets/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
model = dict(head=dict(decoder=_base_.codec))
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='PCK', rule='greater'))
