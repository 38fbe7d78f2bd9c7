"""Speed and memory of what the library does, as ratios to a bound measured in the same run."""

from .blocks import BlockCost, benchmark_blocks, list_blocks
from .data import (
    DataCost,
    LoadingCost,
    SampleCost,
    benchmark_data,
    measure_loading,
    measure_samples,
)
from .decoding import DecodingCost, benchmark_decoding, measure_decoding
from .distillation import DistillationCost, benchmark_distillation, measure_distillation
from .evaluation import (
    EvaluationCost,
    add_empty_images,
    benchmark_evaluation,
    draw_results,
    measure_evaluation,
)
from .forward import (
    ForwardCost,
    NetworkCost,
    benchmark_forward,
    draw_batch,
    list_networks,
    measure_forward,
)
from .gradient_search import SearchCost, benchmark_search, measure_search
from .imports import measure_imports
from .posetrack import PoseTrackCost, benchmark_posetrack
from .runtime import RuntimeCost, benchmark_runtime
from .supernet import SupernetCost, benchmark_supernet, measure_supernet
from .tracking import TrackingScore, benchmark_tracking
from .videos import VideoCost, benchmark_videos, measure_video, render_video

__all__ = [
    'BlockCost',
    'DataCost',
    'DecodingCost',
    'DistillationCost',
    'EvaluationCost',
    'ForwardCost',
    'LoadingCost',
    'NetworkCost',
    'PoseTrackCost',
    'RuntimeCost',
    'SampleCost',
    'SearchCost',
    'SupernetCost',
    'TrackingScore',
    'VideoCost',
    'add_empty_images',
    'benchmark_blocks',
    'benchmark_data',
    'benchmark_decoding',
    'benchmark_distillation',
    'benchmark_evaluation',
    'benchmark_forward',
    'benchmark_posetrack',
    'benchmark_runtime',
    'benchmark_search',
    'benchmark_supernet',
    'benchmark_tracking',
    'benchmark_videos',
    'draw_batch',
    'draw_results',
    'list_blocks',
    'list_networks',
    'measure_decoding',
    'measure_distillation',
    'measure_evaluation',
    'measure_forward',
    'measure_imports',
    'measure_loading',
    'measure_samples',
    'measure_search',
    'measure_supernet',
    'measure_video',
    'render_video',
]
