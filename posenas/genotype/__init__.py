"""Searched architectures: one record and one JSON form, ``pose-genotype/1``, for all families."""

from .cells import Cell, Edge, Slot
from .operations import (
    CNF_OPERATIONS,
    FAMILIES,
    POSENAS_LIGHT_OPERATIONS,
    POSENAS_OPERATIONS,
    UNSTRIDED_OPERATIONS,
)
from .record import SCHEMA, Genotype, load_genotype, save_genotype
from .text import format_cells, parse_cells

__all__ = [
    'CNF_OPERATIONS',
    'FAMILIES',
    'POSENAS_LIGHT_OPERATIONS',
    'POSENAS_OPERATIONS',
    'SCHEMA',
    'UNSTRIDED_OPERATIONS',
    'Cell',
    'Edge',
    'Genotype',
    'Slot',
    'format_cells',
    'load_genotype',
    'parse_cells',
    'save_genotype',
]
