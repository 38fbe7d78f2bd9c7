"""Search algorithms: each proposes architectures from the records of those evaluated before."""

from .base import Candidate, Proposal, SearchAlgorithm
from .beam_search import BeamSearch
from .evolution import EvolutionSearch
from .integer_program import IntegerProgram
from .nsga2 import NSGA2, crowding_distance, rank_fronts
from .random_search import RandomSearch
from .regularized_evolution import RegularizedEvolution
from .successive_halving import SuccessiveHalving

__all__ = [
    'NSGA2',
    'BeamSearch',
    'Candidate',
    'EvolutionSearch',
    'IntegerProgram',
    'Proposal',
    'RandomSearch',
    'RegularizedEvolution',
    'SearchAlgorithm',
    'SuccessiveHalving',
    'crowding_distance',
    'rank_fronts',
]
