"""Parts of neural fabrics (published: CNF)."""

from . import cell, fabric, operators

__all__ = ['cell', 'fabric', 'operators']
