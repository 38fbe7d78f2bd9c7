"""Python entry points: what the commands do, as functions with plain arguments and results.

Names that need more than inference does resolve lazily, so that a derived network runs without
the search.
"""

from importlib import import_module
from typing import Any

from .building import (
    LoadedModel,
    build_dataset,
    build_model,
    build_space,
    count_cost,
    load_checked,
)
from .inference import inference_topdown, init_model
from .inferencer import (
    MMPoseInferencer,
    Pose2DInferencer,
    PoseInferencer,
    PoseNASInferencer,
)
from .model_zoo import ModelInfo, find_config, get_model_aliases, list_models, select_models

#: Module -> its public names, which are imported on first use.
_LAZY_MODULES = {
    'browsing': ('browse_data',),
    'checking': ('DataCheck', 'check_data'),
    'conversion': ('convert_checkpoint', 'convert_config'),
    'detection': ('DetectedPeople', 'detect_people', 'init_detector'),
    'derivation': ('DeriveResult', 'derive'),
    'distillation': ('add_unlabelled', 'compose_distillation'),
    'exporting': ('ExportResult', 'export_model', 'export_network'),
    'genotypes': (
        'EmbedResult',
        'draw_genotype',
        'embed_genotype',
        'read_genotype',
        'write_genotype',
    ),
    'grouping': ('GroupScore', 'score_groups'),
    'latency': ('build_latency_table', 'fit_latency_table', 'predict_latencies'),
    'new_dataset': ('DatasetStart', 'init_dataset'),
    'pruning': ('PruneResult', 'prune'),
    'predicting': ('fit_predictor',),
    'sampling': ('SampledArch', 'sample_alike'),
    'scoring': (
        'ErrorReport',
        'ScoreDifference',
        'ScoreReport',
        'compare_results',
        'draw_results',
        'find_errors',
        'score_mpii',
        'score_pck',
        'score_posetrack',
        'score_precision',
    ),
    'summary': ('NetworkSummary', 'summarize_network'),
    'visibility': ('VisibilityReport', 'calibrate_visibility'),
    'web_page': ('WebPage', 'write_web_page'),
    'web_server': ('open_server',),
}
#: Public name -> module of the level above that it comes from, on first use: nothing here needs it.
_ABOVE = {'run_search': 'posenas.experiments'}
_LAZY = {name: module for module, names in _LAZY_MODULES.items() for name in names}

__all__ = [
    'DataCheck',
    'DatasetStart',
    'DeriveResult',
    'DetectedPeople',
    'EmbedResult',
    'ErrorReport',
    'ExportResult',
    'GroupScore',
    'LoadedModel',
    'MMPoseInferencer',
    'ModelInfo',
    'NetworkSummary',
    'Pose2DInferencer',
    'PoseInferencer',
    'PoseNASInferencer',
    'PruneResult',
    'SampledArch',
    'ScoreDifference',
    'ScoreReport',
    'VisibilityReport',
    'WebPage',
    'add_unlabelled',
    'browse_data',
    'build_dataset',
    'build_latency_table',
    'build_model',
    'build_space',
    'calibrate_visibility',
    'check_data',
    'compare_results',
    'compose_distillation',
    'convert_checkpoint',
    'convert_config',
    'count_cost',
    'derive',
    'detect_people',
    'draw_genotype',
    'draw_results',
    'embed_genotype',
    'export_model',
    'export_network',
    'find_config',
    'find_errors',
    'fit_latency_table',
    'get_model_aliases',
    'inference_topdown',
    'init_dataset',
    'init_detector',
    'init_model',
    'list_models',
    'load_checked',
    'open_server',
    'predict_latencies',
    'prune',
    'read_genotype',
    'run_search',
    'sample_alike',
    'score_groups',
    'score_mpii',
    'score_pck',
    'score_posetrack',
    'score_precision',
    'select_models',
    'summarize_network',
    'write_genotype',
    'write_web_page',
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module attribute can be anything)
    """Import the module of a lazy public name on first use."""
    if name in _ABOVE:
        return getattr(import_module(_ABOVE[name]), name)
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_LAZY[name]}'), name)
