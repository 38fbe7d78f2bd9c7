"""Searched architectures: one record and one JSON form, ``pose-genotype/1``, for all families."""

from .cells import ROLES, Cell, Edge, Slot
from .operations import (
    CNF_OPERATIONS,
    FAMILIES,
    POSENAS_LIGHT_OPERATIONS,
    POSENAS_OPERATIONS,
    UNSTRIDED_OPERATIONS,
)
from .record import SCHEMA, Genotype, load_genotype, save_genotype
from .text import format_cells, format_tuples, parse_cells, parse_tuples
from .vipnas import (
    VIPNAS_STRIDES,
    BlockShape,
    DeconvShape,
    context_planes,
    read_vipnas_blocks,
    read_vipnas_head,
    squeezed_channels,
    vipnas_arguments,
    vipnas_genotype,
)

__all__ = [
    'CNF_OPERATIONS',
    'FAMILIES',
    'POSENAS_LIGHT_OPERATIONS',
    'POSENAS_OPERATIONS',
    'ROLES',
    'SCHEMA',
    'UNSTRIDED_OPERATIONS',
    'VIPNAS_STRIDES',
    'BlockShape',
    'Cell',
    'DeconvShape',
    'Edge',
    'Genotype',
    'Slot',
    'context_planes',
    'format_cells',
    'format_tuples',
    'load_genotype',
    'parse_cells',
    'parse_tuples',
    'read_vipnas_blocks',
    'read_vipnas_head',
    'save_genotype',
    'squeezed_channels',
    'vipnas_arguments',
    'vipnas_genotype',
]
