"""Search of networks for inference engines: space, supernet, costs."""

from . import elastic_parts, operations, space, supernet

__all__ = ['elastic_parts', 'operations', 'space', 'supernet']
