"""Search of spatial ViPNAS networks: space, supernet, latency."""

from . import elastic_blocks, latency, latency_measure, operations, space, supernet

__all__ = ['elastic_blocks', 'latency', 'latency_measure', 'operations', 'space', 'supernet']
