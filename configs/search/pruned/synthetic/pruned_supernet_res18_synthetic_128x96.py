# Supernet of the networks that ResNet-18, trained on synthetic people, can be pruned to.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/simple_baseline_res50.py',
    '../../../_base_/datasets/synthetic_search_128x96.py',
    '../../../_base_/schedules/supernet_30e.py',
]
model = dict(
    type='PrunedModelSupernet',
    checkpoint='work_dirs/res18_synthetic_128x96/epoch_30.pth',
    width=(0.25, 0.5, 0.75, 1.0),
    depth=(0.5, 1.0),
    backbone=dict(depth=18),
    head=dict(in_channels=512, decoder=_base_.codec),
)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
