"""Networks that hold all architectures of a search space."""

from .base import Extract, Supernet
from .cnf import CNFSupernet
from .posenas import PoseNASSupernet
from .posenas_backbone import PoseNASSearchBackbone
from .posenas_cost import PoseNASCounter
from .vipnas import ViPNASSupernet

__all__ = [
    'CNFSupernet',
    'Extract',
    'PoseNASCounter',
    'PoseNASSearchBackbone',
    'PoseNASSupernet',
    'Supernet',
    'ViPNASSupernet',
]
