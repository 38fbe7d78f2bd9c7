"""Search of ViPNAS networks, spatial and temporal: spaces, supernets, costs."""

from . import (
    elastic_blocks,
    elastic_fusion,
    operations,
    plain_config,
    space,
    supernet,
    temporal_space,
    temporal_supernet,
)

__all__ = [
    'elastic_blocks',
    'elastic_fusion',
    'operations',
    'plain_config',
    'space',
    'supernet',
    'temporal_space',
    'temporal_supernet',
]
