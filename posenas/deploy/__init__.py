"""From a network in PyTorch to a file that an inference engine runs."""

from .estimator import ExportedEstimator, ExportedVideoEstimator
from .onnx_file import ExportForm, make_onnx
from .proof import Difference, Proof, prove
from .quantize import list_layers, quantize, rank_layers
from .storage import halve_weights, write_network

__all__ = [
    'Difference',
    'ExportForm',
    'ExportedEstimator',
    'ExportedVideoEstimator',
    'Proof',
    'halve_weights',
    'list_layers',
    'make_onnx',
    'prove',
    'quantize',
    'rank_layers',
    'write_network',
]
