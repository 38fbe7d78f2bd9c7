"""Search of neural fabrics: space, supernet, pruning."""

from . import config, prune, space, supernet

__all__ = ['config', 'prune', 'space', 'supernet']
