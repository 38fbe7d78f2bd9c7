"""Speed and memory of what the library does, as ratios to a bound measured in the same run."""

from .data import LoadingCost, SampleCost, measure_loading, measure_samples
from .decoding import measure_decoding
from .distillation import DistillationCost, measure_distillation
from .evaluation import EvaluationCost, add_empty_images, draw_results, measure_evaluation
from .forward import (
    ForwardCost,
    draw_batch,
    measure_forward,
)
from .gradient_search import SearchCost, measure_search
from .supernet import SupernetCost, measure_supernet

__all__ = [
    'DistillationCost',
    'EvaluationCost',
    'ForwardCost',
    'LoadingCost',
    'SampleCost',
    'SearchCost',
    'SupernetCost',
    'add_empty_images',
    'draw_batch',
    'draw_results',
    'measure_decoding',
    'measure_distillation',
    'measure_evaluation',
    'measure_forward',
    'measure_loading',
    'measure_samples',
    'measure_search',
    'measure_supernet',
]
