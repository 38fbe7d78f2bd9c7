"""ViPNAS genotypes: what choices mean, block by block."""

from . import blocks, family, temporal

__all__ = ['blocks', 'family', 'temporal']
