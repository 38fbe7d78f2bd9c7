# Random architectures of nearly equal cost with the weights of the trained supernet.
_base_ = ['./edge_search_people_160x128.py']
train_cfg = dict(
    algorithm=dict(_delete_=True, type='RandomSearch', objectives=dict(PCK='greater')),
    wave=8,
    num_waves=1,
    budget=dict(limits=dict(macs=(0.117e9, 0.123e9))),
)
