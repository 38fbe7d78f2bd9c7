"""Optimizer wrappers."""

from .optim_wrapper import AmpOptimWrapper, OptimWrapper, at_step_boundary

__all__ = ['AmpOptimWrapper', 'OptimWrapper', 'at_step_boundary']
