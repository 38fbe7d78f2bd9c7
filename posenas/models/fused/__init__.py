"""Fused forms: the same outputs by fewer operations, for inference."""

from .folding import bn_scale_shift, can_fold, fold_conv_bn, is_plain_conv, lay_out
from .rules import FUSED_RULES, FusedRule
from .switch import fuse, is_fused, unfuse

__all__ = [
    'FUSED_RULES',
    'FusedRule',
    'bn_scale_shift',
    'can_fold',
    'fold_conv_bn',
    'fuse',
    'is_fused',
    'is_plain_conv',
    'lay_out',
    'unfuse',
]
