"""Python entry points: build a model, find joints in images, look up a model, prune a network.

Names that need the search resolve lazily, so that a derived network runs without it.
"""

from importlib import import_module
from typing import Any

from .building import LoadedModel, build_model, load_checked
from .inference import inference_topdown, init_model
from .inferencer import MMPoseInferencer, PoseInferencer, PoseNASInferencer
from .model_zoo import ModelInfo, find_config, list_models

#: Public name -> module that defines it and imports the search.
_LAZY = {'PruneResult': 'posenas.apis.pruning', 'prune': 'posenas.apis.pruning'}

__all__ = [
    'LoadedModel',
    'MMPoseInferencer',
    'ModelInfo',
    'PoseInferencer',
    'PoseNASInferencer',
    'PruneResult',
    'build_model',
    'find_config',
    'inference_topdown',
    'init_model',
    'list_models',
    'load_checked',
    'prune',
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module attribute can be anything)
    """Import the module of a lazy public name on first use."""
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(_LAZY[name]), name)
