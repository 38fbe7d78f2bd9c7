"""Architecture search: spaces, costs, archives, algorithms, evaluators, supernets, derivation."""

from posenas.genotype import derive_model

from . import algorithms
from .agreement import Agreement, compare_repeats
from .archive import (
    Archive,
    Record,
    digest,
    find_front,
    objective_values,
    read_archive,
    read_objectives,
)
from .collapse import (
    CollapseRule,
    EigenvalueRule,
    EntropyRule,
    Observation,
    ParameterFreeRule,
    SkipRule,
    StabilityRule,
    Stop,
    largest_eigenvalue,
)
from .cost_bins import CostBins
from .costs import (
    ActivationMemoryCost,
    Budget,
    Cost,
    CostContext,
    Counter,
    Counts,
    MacsCost,
    NetworkCost,
    NetworkCounter,
    ParamsCost,
)
from .derived_network import Extract
from .edge.operations import EdgeCounter
from .edge.space import EdgeSpace
from .edge.supernet import EdgeSupernet
from .elastic_supernet import ElasticSupernet
from .evaluators import (
    Bench,
    EvaluationError,
    Evaluator,
    Outcome,
    SupernetEvaluator,
    TableEvaluator,
    evaluate_candidate,
)
from .fabrics.space import CNFSpace
from .fabrics.supernet import CNFSupernet
from .latency.table import LatencyCost, LatencyTable
from .operation import Operation, list_networks, list_operations
from .overview import SearchOverview, read_search, write_search_page
from .posenas.backbone import PoseNASSearchBackbone
from .posenas.cost import PoseNASCounter
from .posenas.perturbation import select_by_perturbation
from .posenas.space import PoseNASSpace
from .posenas.supernet import PoseNASSupernet
from .predictor import PredictorQuality, ScorePredictor, correlate
from .pruned.operations import PrunedModelCounter
from .pruned.space import PrunedModelSpace
from .pruned.supernet import PrunedModelSupernet, from_model
from .ranking import (
    RankedGroup,
    Ranking,
    SearchRanking,
    find_band,
    pair_records,
    rank,
    rank_searches,
)
from .recalibration import recalibrate
from .space import Arch, Choice, Decision, Logits, SearchSpace, Value
from .supernet import Supernet
from .train_evaluator import TrainEvaluator
from .vipnas.operations import ViPNASCounter
from .vipnas.plain_config import read_vipnas_config
from .vipnas.space import ViPNASSpace
from .vipnas.supernet import ViPNASSupernet
from .vipnas.temporal_space import TViPNASSpace
from .vipnas.temporal_supernet import TViPNASSupernet

__all__ = [
    'ActivationMemoryCost',
    'Agreement',
    'Arch',
    'Archive',
    'Bench',
    'Budget',
    'CNFSpace',
    'CNFSupernet',
    'Choice',
    'CollapseRule',
    'Cost',
    'CostBins',
    'CostContext',
    'Counter',
    'Counts',
    'Decision',
    'EdgeCounter',
    'EdgeSpace',
    'EdgeSupernet',
    'EigenvalueRule',
    'ElasticSupernet',
    'EntropyRule',
    'EvaluationError',
    'Evaluator',
    'Extract',
    'LatencyCost',
    'LatencyTable',
    'Logits',
    'MacsCost',
    'NetworkCost',
    'NetworkCounter',
    'Observation',
    'Operation',
    'Outcome',
    'ParameterFreeRule',
    'ParamsCost',
    'PoseNASCounter',
    'PoseNASSearchBackbone',
    'PoseNASSpace',
    'PoseNASSupernet',
    'PredictorQuality',
    'PrunedModelCounter',
    'PrunedModelSpace',
    'PrunedModelSupernet',
    'RankedGroup',
    'Ranking',
    'Record',
    'ScorePredictor',
    'SearchOverview',
    'SearchRanking',
    'SearchSpace',
    'SkipRule',
    'StabilityRule',
    'Stop',
    'Supernet',
    'SupernetEvaluator',
    'TViPNASSpace',
    'TViPNASSupernet',
    'TableEvaluator',
    'TrainEvaluator',
    'Value',
    'ViPNASCounter',
    'ViPNASSpace',
    'ViPNASSupernet',
    'algorithms',
    'compare_repeats',
    'correlate',
    'derive_model',
    'digest',
    'evaluate_candidate',
    'find_band',
    'find_front',
    'from_model',
    'largest_eigenvalue',
    'list_networks',
    'list_operations',
    'objective_values',
    'pair_records',
    'rank',
    'rank_searches',
    'read_archive',
    'read_objectives',
    'read_search',
    'read_vipnas_config',
    'recalibrate',
    'select_by_perturbation',
    'write_search_page',
]
