# What the search found, before posenas_small_people_256x224 grew from it.
_base_ = [
    '../../../_base_/averaging_runtime.py',
    '../../../_base_/models/edge_small.py',
    '../../../_base_/datasets/people_mix_160x128.py',
    '../../../_base_/schedules/adamw_people_16e.py',
]
model = dict(head=dict(decoder=_base_.codec))
