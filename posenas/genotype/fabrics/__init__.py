"""Genotypes of neural fabrics: plans, pruning, configs."""

from . import family, model, plan, pruning

__all__ = ['family', 'model', 'plan', 'pruning']
