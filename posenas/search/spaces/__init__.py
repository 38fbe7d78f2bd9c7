"""Search spaces of the families."""

from .cnf import CNFSpace
from .posenas import PoseNASSpace
from .vipnas import ViPNASSpace

__all__ = ['CNFSpace', 'PoseNASSpace', 'ViPNASSpace']
