"""Parts of PoseNAS networks."""

from . import cells, fusion, light_operations, operations

__all__ = ['cells', 'fusion', 'light_operations', 'operations']
