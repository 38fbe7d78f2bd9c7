"""Python entry points: build a model, find joints in images, look up a model by name."""

from .inference import inference_topdown, init_model
from .inferencer import MMPoseInferencer, PoseInferencer, PoseNASInferencer
from .model_zoo import ModelInfo, find_config, list_models

__all__ = [
    'MMPoseInferencer',
    'ModelInfo',
    'PoseInferencer',
    'PoseNASInferencer',
    'find_config',
    'inference_topdown',
    'init_model',
    'list_models',
]
