# Published schedule of neural fabrics: batches of 24, no warm-up, validation in every epoch. All
# parameters, those that weigh operators and inputs too, are trained by the same optimizer.
train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='MultiStepLR', begin=0, end=200, milestones=[90, 120, 150], gamma=0.25, by_epoch=True)
]
auto_scale_lr = dict(base_batch_size=24)
