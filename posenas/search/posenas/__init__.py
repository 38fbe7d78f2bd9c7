"""Search of PoseNAS cells: space, supernet, derivation, cost."""

from . import backbone, cells, cost, discretize, memory, perturbation, space, supernet

__all__ = ['backbone', 'cells', 'cost', 'discretize', 'memory', 'perturbation', 'space', 'supernet']
