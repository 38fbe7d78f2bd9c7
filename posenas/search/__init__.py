"""Architecture search: spaces, costs, archives, algorithms, evaluators, supernets, derivation."""

from . import algorithms, spaces, supernets
from .archive import Archive, Record, find_front, objective_values, read_archive
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
from .network import derive_model
from .space import Arch, Choice, Decision, Logits, SearchSpace, Value

__all__ = [
    'ActivationMemoryCost',
    'Arch',
    'Archive',
    'Bench',
    'Budget',
    'Choice',
    'Cost',
    'CostContext',
    'Counter',
    'Counts',
    'Decision',
    'EvaluationError',
    'Evaluator',
    'Logits',
    'MacsCost',
    'NetworkCost',
    'NetworkCounter',
    'ParamsCost',
    'Record',
    'SearchSpace',
    'SupernetEvaluator',
    'TableEvaluator',
    'Value',
    'algorithms',
    'derive_model',
    'find_front',
    'objective_values',
    'read_archive',
    'recalibrate',
    'spaces',
    'supernets',
]
