"""Genotypes of networks for inference engines: what choices mean, convolution by convolution."""

from . import family, plan

__all__ = ['family', 'plan']
