# Training of a supernet of networks for videos, four sampled networks per step.
_base_ = ['./adam_posetrack18_20e.py']
train_cfg = dict(
    _delete_=True,
    type='SupernetLoop',
    max_epochs=20,
    val_begin=21,
    num_paths=4,
    distillation=dict(alpha=0.5),
)
