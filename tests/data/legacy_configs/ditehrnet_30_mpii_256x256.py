_base_ = ['ditehrnet_18_mpii_256x256.py']
model = dict(backbone=dict(extra=dict(stages_spec=dict(num_modules=(3, 8, 3)))))
