# Published schedule of Dite-HRNet: 8 processes x 32 samples. The rate falls at epochs 170 and 200
# only, so the last 70 epochs run at 2e-5. MMPose 0.x warms up in 501 steps for a setting of 500.
train_cfg = dict(by_epoch=True, max_epochs=270, val_interval=10)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=501, start_factor=0.001, by_epoch=False),
    dict(type='MultiStepLR', milestones=[170, 200], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(base_batch_size=256)
