# Training of a supernet, four sampled networks per step; the search scores networks, not this.
_base_ = ['./adamw_cosine_30e.py']
train_cfg = dict(
    _delete_=True,
    type='SupernetLoop',
    max_epochs=30,
    val_begin=31,
    num_paths=4,
    distillation=dict(alpha=0.5),
)
