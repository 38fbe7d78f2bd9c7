"""Search spaces of the families."""

from .posenas import PoseNASSpace

__all__ = ['PoseNASSpace']
