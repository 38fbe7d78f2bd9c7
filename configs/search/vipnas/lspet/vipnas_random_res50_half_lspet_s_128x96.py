# Random networks of the trained half-width supernet, LSPET-S, 128x96, about as expensive as most
# are.
_base_ = ['./vipnas_search_res50_half_lspet_s_128x96.py']
train_cfg = dict(
    algorithm=dict(_delete_=True, type='RandomSearch', objectives=dict(PCK='greater')),
    wave=4,
    num_waves=8,
    budget=dict(limits=dict(macs=(0.0856e9, 0.0898e9))),
)
