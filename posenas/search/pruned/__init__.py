"""Search of the sizes that a trained network can be pruned to: space, supernet, costs."""

from . import elastic_layers, operations, sorting, space, supernet, units, walk

__all__ = ['elastic_layers', 'operations', 'sorting', 'space', 'supernet', 'units', 'walk']
