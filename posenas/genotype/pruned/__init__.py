"""Genotypes of networks that were pruned: the sizes of their layers."""

from . import family

__all__ = ['family']
