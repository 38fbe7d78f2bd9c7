"""Parts of RTMPose."""

from . import csp, gated_attention

__all__ = ['csp', 'gated_attention']
