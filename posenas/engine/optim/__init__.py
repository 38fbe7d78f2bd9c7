"""Optimizer wrappers."""

from .arch_constructor import ArchOptimWrapperConstructor, SearchOptimWrapper
from .optim_wrapper import AmpOptimWrapper, OptimWrapper, at_step_boundary

__all__ = [
    'AmpOptimWrapper',
    'ArchOptimWrapperConstructor',
    'OptimWrapper',
    'SearchOptimWrapper',
    'at_step_boundary',
]
