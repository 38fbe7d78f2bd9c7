"""Search of neural fabrics: space, supernet, pruning."""

from . import prune, space, supernet

__all__ = ['prune', 'space', 'supernet']
