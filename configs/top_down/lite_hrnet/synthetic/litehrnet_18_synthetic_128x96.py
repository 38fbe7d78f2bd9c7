# Lite-HRNet-18 on synthetic people: no download, for a first look on a CPU.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/litehrnet_18.py',
    '../../../_base_/datasets/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_cosine_30e.py',
]
model = dict(head=dict(decoder=_base_.codec))
