# Dite-HRNet-30 on MPII, 256x256: more modules, the recipe of Dite-HRNet-18 (val PCKh@0.5 87.6).
_base_ = ['ditehrnet_18_mpii_256x256.py']
model = dict(backbone=dict(extra=dict(stages_spec=dict(num_modules=(3, 8, 3)))))
