"""Networks that hold all architectures of a search space."""

from .base import Extract, Supernet

__all__ = ['Extract', 'Supernet']
