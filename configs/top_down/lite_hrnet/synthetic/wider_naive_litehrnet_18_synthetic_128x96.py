# Wider naive Lite-HRNet-18 on synthetic people: shuffle units in place of weighted channels.
_base_ = ['litehrnet_18_synthetic_128x96.py']
model = dict(backbone=dict(extra=dict(stages_spec=dict(module_type=('NAIVE', 'NAIVE', 'NAIVE')))))
