"""Search spaces of the families."""

from .posenas import PoseNASSpace
from .vipnas import ViPNASSpace

__all__ = ['PoseNASSpace', 'ViPNASSpace']
