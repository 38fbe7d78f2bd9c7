"""Datasets, transforms and samplers."""

from .samplers import DefaultSampler, EpochIndex, InfiniteSampler

__all__ = ['DefaultSampler', 'EpochIndex', 'InfiniteSampler']
