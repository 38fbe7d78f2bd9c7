"""Human pose networks: train, test, search and show them; importing this loads no framework."""

from importlib import import_module
from typing import Any

from posenas.version import __version__

#: Public name -> package that defines it; imported on first use.
_LAZY = {
    'PoseInferencer': 'posenas.apis',
    'inference_topdown': 'posenas.apis',
    'init_model': 'posenas.apis',
}

__all__ = ['PoseInferencer', '__version__', 'inference_topdown', 'init_model']


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module attribute can be anything)
    """Import the package of a lazy public name on first use."""
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(_LAZY[name]), name)
