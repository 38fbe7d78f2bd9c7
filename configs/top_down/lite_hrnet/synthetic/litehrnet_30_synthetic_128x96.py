# Lite-HRNet-30 on synthetic people: more modules.
_base_ = ['litehrnet_18_synthetic_128x96.py']
model = dict(backbone=dict(extra=dict(stages_spec=dict(num_modules=(3, 8, 3)))))
