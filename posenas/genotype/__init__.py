"""Searched architectures: one record and one JSON form, ``pose-genotype/1``, for all families."""

from . import fabrics, posenas, vipnas
from .cells import ROLES, Cell, Edge, Slot
from .describe import (
    GenotypeChange,
    GenotypeDifference,
    compare_genotypes,
    describe_cost,
    describe_genotype,
)
from .graph import Graph, Link, Node
from .operations import (
    CNF_OPERATIONS,
    POSENAS_LIGHT_OPERATIONS,
    POSENAS_OPERATIONS,
    UNSTRIDED_OPERATIONS,
)
from .record import (
    FAMILIES,
    SCHEMA,
    Family,
    Genotype,
    derive_model,
    load_genotype,
    make_graphs,
    save_genotype,
)
from .text import format_cells, format_tuples, parse_cells, parse_tuples
from .vipnas.blocks import (
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
from .vipnas.temporal import FUSION_OPS, FrameShape, read_frames, read_key

__all__ = [
    'CNF_OPERATIONS',
    'FAMILIES',
    'FUSION_OPS',
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
    'Family',
    'FrameShape',
    'Genotype',
    'GenotypeChange',
    'GenotypeDifference',
    'Graph',
    'Link',
    'Node',
    'Slot',
    'compare_genotypes',
    'context_planes',
    'derive_model',
    'describe_cost',
    'describe_genotype',
    'fabrics',
    'format_cells',
    'format_tuples',
    'load_genotype',
    'make_graphs',
    'parse_cells',
    'parse_tuples',
    'posenas',
    'read_frames',
    'read_key',
    'read_vipnas_blocks',
    'read_vipnas_head',
    'save_genotype',
    'squeezed_channels',
    'vipnas',
    'vipnas_arguments',
    'vipnas_genotype',
]
