"""Former place of :mod:`posenas.utils.columns`."""

from posenas.utils.columns import Records, read_json

__all__ = ['Records', 'read_json']
