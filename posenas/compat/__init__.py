"""Import names of other projects, for code that was written for them."""

from . import mmpose

__all__ = ['mmpose']
