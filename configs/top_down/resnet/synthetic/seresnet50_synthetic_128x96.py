# SE-ResNet-50 baseline on synthetic people alone.
_base_ = ['res18_synthetic_128x96.py']
model = dict(backbone=dict(_delete_=True, type='SEResNet', depth=50), head=dict(in_channels=2048))
