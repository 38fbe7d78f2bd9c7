# ShuffleNet baseline on synthetic people alone.
_base_ = ['../../resnet/synthetic/res18_synthetic_128x96.py']
model = dict(backbone=dict(_delete_=True, type='ShuffleNetV1'), head=dict(in_channels=960))
