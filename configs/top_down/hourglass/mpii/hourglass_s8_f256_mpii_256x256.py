# Hourglass of 8 stacks x 256 features on MPII, 256x256: the teacher of FPD (PCKh 90.520 as
# published, with 140 epochs by the name of its weights; the recipe below is that of its config).
_base_ = 'hourglass_s4_f128_mpii_256x256.py'
model = dict(backbone=dict(num_stacks=8, num_features=256))
train_cfg = dict(max_epochs=150)
param_scheduler = [
    dict(type='MultiStepLR', begin=0, end=150, milestones=[120, 140], gamma=0.1, by_epoch=True)
]
