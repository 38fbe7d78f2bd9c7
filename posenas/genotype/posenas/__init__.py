"""PoseNAS genotypes: how networks are planned, the published cells."""

from . import family, plan, released

__all__ = ['family', 'plan', 'released']
