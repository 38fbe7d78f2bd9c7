"""Architecture search: spaces, costs, archives, algorithms, evaluators, supernets, derivation."""

from . import algorithms, spaces, supernets
from .archive import Archive, Record, digest, find_front, objective_values, read_archive
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
from .evaluators import (
    Bench,
    EvaluationError,
    Evaluator,
    SupernetEvaluator,
    TableEvaluator,
    recalibrate,
)
from .latency import LatencyCost, LatencyTable
from .network import derive_model
from .operations import Operation, ViPNASCounter, list_operations
from .perturbation import select_by_perturbation
from .ranking import Ranking, find_band, pair_records, rank
from .space import Arch, Choice, Decision, Logits, SearchSpace, Value
from .train_evaluator import TrainEvaluator

__all__ = [
    'ActivationMemoryCost',
    'Arch',
    'Archive',
    'Bench',
    'Budget',
    'Choice',
    'CollapseRule',
    'Cost',
    'CostBins',
    'CostContext',
    'Counter',
    'Counts',
    'Decision',
    'EigenvalueRule',
    'EntropyRule',
    'EvaluationError',
    'Evaluator',
    'LatencyCost',
    'LatencyTable',
    'Logits',
    'MacsCost',
    'NetworkCost',
    'NetworkCounter',
    'Observation',
    'Operation',
    'ParameterFreeRule',
    'ParamsCost',
    'Ranking',
    'Record',
    'SearchSpace',
    'SkipRule',
    'StabilityRule',
    'Stop',
    'SupernetEvaluator',
    'TableEvaluator',
    'TrainEvaluator',
    'Value',
    'ViPNASCounter',
    'algorithms',
    'derive_model',
    'digest',
    'find_band',
    'find_front',
    'largest_eigenvalue',
    'list_operations',
    'objective_values',
    'pair_records',
    'rank',
    'read_archive',
    'recalibrate',
    'select_by_perturbation',
    'spaces',
    'supernets',
]
