# Lite-HRNet-30 on MPII, 256x256: more modules, the recipe of Lite-HRNet-18 (val PCKh@0.5 86.9).
_base_ = ['litehrnet_18_mpii_256x256.py']
model = dict(backbone=dict(extra=dict(stages_spec=dict(num_modules=(3, 8, 3)))))
