"""Networks that hold all architectures of a search space."""

from .base import Extract, Supernet
from .vipnas import ViPNASSupernet

__all__ = ['Extract', 'Supernet', 'ViPNASSupernet']
