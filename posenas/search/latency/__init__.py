"""Predicted time of networks on a device: operations, measured one by one, add up."""

from . import measure, table

__all__ = ['measure', 'table']
