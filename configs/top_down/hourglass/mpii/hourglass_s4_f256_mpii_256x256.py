# Hourglass of 4 stacks x 256 features on MPII, 256x256: the template of FPD, whose script for the
# student sets 128 features.
_base_ = 'hourglass_s4_f128_mpii_256x256.py'
model = dict(backbone=dict(num_features=256))
