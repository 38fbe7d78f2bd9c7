# ResNet-50 baseline on MPII, 256x256: recipe and colours of MMPose.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/simple_baseline_res50.py',
    '../../../_base_/datasets/mpii_256x256.py',
    '../../../_base_/schedules/adam_210e.py',
]
model = dict(head=dict(out_channels=16, decoder=_base_.codec))
default_hooks = dict(checkpoint=dict(save_best='PCKh', rule='greater'))
