# Evolution in the trained supernet, LSPET-S, 128x96: cells that share its weights are validated.
_base_ = ['./posenas_random_l8_c16_lspet_s_128x96.py']
train_cfg = dict(
    algorithm=dict(type='EvolutionSearch', num_random=32),
    wave=32,
    num_waves=11,
    budget=dict(limits=dict(macs=0.045e9)),
)
