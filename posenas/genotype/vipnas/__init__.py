"""ViPNAS genotypes: what choices mean, block by block."""

from . import blocks, family

__all__ = ['blocks', 'family']
