# ResNet-18 baseline on synthetic people alone.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/simple_baseline_res50.py',
    '../../../_base_/datasets/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
model = dict(backbone=dict(depth=18), head=dict(in_channels=512, decoder=_base_.codec))
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2, save_best='PCK', rule='greater'))
