"""Initialisations of weights that several networks share, as ``init_cfg`` takes them."""

_NORMS = dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm'])
#: Convolutions from a normal distribution with standard deviation 0.001, norms 1: the release of
#: HRNet and of the networks that were built on its code.
SMALL_NORMAL_INIT = [dict(type='Normal', std=0.001, layer=['Conv2d']), _NORMS]
#: Convolutions by the rule of He, norms 1: residual and mobile networks before ImageNet weights.
KAIMING_INIT = [dict(type='Kaiming', layer=['Conv2d']), _NORMS]
#: Convolutions from a normal distribution with standard deviation 0.01, norms 1 with a small bias:
#: ShuffleNet in MMPose.
SHUFFLE_INIT = [
    dict(type='Normal', std=0.01, layer=['Conv2d']),
    dict(type='Constant', val=1, bias=0.0001, layer=['_BatchNorm', 'GroupNorm']),
]
