"""Sizes of a PoseNAS network: where its cells stand, how wide they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from posenas.genotype.posenas.released import RELEASED_MACRO
from posenas.genotype.record import Genotype
from posenas.utils import ConfigError, check_choice, check_positive

#: Published depths -> positions of the reduction cells.
_REDUCTIONS = {12: (3, 6, 9), 18: (3, 8, 15)}
#: Reduction cells between the four maps of strides 4, 8, 16 and 32.
_NUM_REDUCTIONS = 3
_FUSIONS = ('released', 'intended')
#: Levels (0 has stride 4, 3 has stride 32) of the coarser and of the lateral map that each of the
#: three fusion cells reads, as published.
ADJACENT_SOURCES = ((3, 2), (2, 1), (1, 0))


@dataclass(frozen=True)
class CellPlan:
    """Cells one after the other.

    Attributes:
        layers: Number of cells.
        reductions: Cells that halve the size and double the width.
        taps: Cells whose outputs are used, one for each size.
    """

    layers: int
    reductions: tuple[int, ...]
    taps: tuple[int, ...]


@dataclass(frozen=True)
class PoseNASPlan:
    """A whole network beside its cells.

    Attributes:
        encoder: Cells of the encoder.
        init_channels: Channels C0 of the first convolution; the finest map has 2 * C0.
        num_stages: Decoder stages, 1 or 2.
        refine: Cells between the two stages.
        refine_channels: Channels that enter them.
        fusion: 'released' or 'intended'.
        se_ratio: Bottleneck of channel attention; None has none.
        sources: Levels of the coarser and of the lateral map that each fusion cell reads.
    """

    encoder: CellPlan
    init_channels: int
    num_stages: int
    refine: CellPlan
    refine_channels: int
    fusion: str
    se_ratio: int | None
    sources: tuple[tuple[int, int], ...] = ADJACENT_SOURCES


def plan_cells(
    layers: int, reductions: Sequence[int] | None = None, taps: Sequence[int] | None = None
) -> CellPlan:
    """Place reduction cells and taps.

    Args:
        layers: Number of cells.
        reductions: Positions of the three reduction cells; None for the published ones of 12 and
            18 cells.
        taps: Positions of the four taps; None for the last cell of each size.

    Raises:
        ConfigError: The positions contradict each other, or there are none for this depth.
    """
    if reductions is None:
        if layers not in _REDUCTIONS:
            raise ConfigError(
                f'layers must be one of {sorted(_REDUCTIONS)} where reductions are not given, got '
                f'{layers}; give the cells that halve the size and the cells whose features are '
                'used, such as layers=8, reductions=(2, 4, 6), taps=(1, 3, 5, 7)'
            )
        reductions = _REDUCTIONS[layers]
    last_cells = (*(position - 1 for position in reductions), layers - 1)
    taps = last_cells if taps is None else taps
    if len(reductions) != _NUM_REDUCTIONS or len(taps) != _NUM_REDUCTIONS + 1:
        raise ConfigError(
            f'reductions must name {_NUM_REDUCTIONS} cells and taps {_NUM_REDUCTIONS + 1}, one for '
            f'each of the strides 4, 8, 16, 32, got {tuple(reductions)} and {tuple(taps)}'
        )
    edges = (0, *reductions, layers)
    inside = all(low <= tap < high for (low, high), tap in zip(pairwise(edges), taps, strict=True))
    if not inside or taps[-1] != layers - 1:
        raise ConfigError(
            f'there must be one tap before each reduction cell and one after the last of {layers} '
            f'cells, counted from 0, got reductions {tuple(reductions)} and taps {tuple(taps)}; '
            f'leave taps out, or set them to {last_cells}'
        )
    return CellPlan(layers, tuple(reductions), tuple(taps))


def plan_network(genotype: Genotype, refine: Mapping | None = None, **given: object) -> PoseNASPlan:
    """Take the sizes of a network from arguments and, where these are None, from its genotype.

    Args:
        genotype: Its ``macro`` may leave out what the published network has.
        refine: ``layers``, ``channels``, ``reductions`` and ``taps`` of the cells between the
            stages; what is missing stays as the genotype says.
        **given: ``layers``, ``init_channels``, ``num_stages``, ``reductions``, ``taps``,
            ``fusion`` and ``se_ratio``.

    Raises:
        ConfigError: A size cannot be, or ``macro`` or ``refine`` has an unknown key.
    """
    known = {*RELEASED_MACRO, 'se_ratio', 'sources', 'strided_attention'}
    _check_known('macro', genotype.macro, known)
    _check_known('refine', refine or {}, RELEASED_MACRO['refine'])
    macro = _override({**RELEASED_MACRO, 'se_ratio': None}, genotype.macro)
    check_choice('macro.share', macro['share'], (RELEASED_MACRO['share'],))
    path = _override(RELEASED_MACRO['refine'], macro['refine'])
    path = _override(path, refine or {})
    macro = _override(macro, {key: value for key, value in given.items() if value is not None})
    check_choice('num_stages', macro['num_stages'], (1, 2))
    check_choice('fusion', macro['fusion'], _FUSIONS)
    check_positive('init_channels', macro['init_channels'])
    return PoseNASPlan(
        plan_cells(macro['layers'], macro['reductions'], macro['taps']),
        macro['init_channels'],
        macro['num_stages'],
        plan_cells(path['layers'], path['reductions'], path['taps']),
        path['channels'],
        macro['fusion'],
        macro['se_ratio'],
        _check_sources(macro.get('sources', ADJACENT_SOURCES)),
    )


def describe_network(plan: PoseNASPlan) -> dict:
    """Write sizes as the ``macro`` of a genotype, from which :func:`plan_network` makes them."""

    def describe(cells: CellPlan) -> dict:
        positions = dict(reductions=list(cells.reductions), taps=list(cells.taps))
        return dict(layers=cells.layers, **positions)

    macro = dict(
        RELEASED_MACRO,
        **describe(plan.encoder),
        init_channels=plan.init_channels,
        num_stages=plan.num_stages,
        refine=dict(channels=plan.refine_channels, **describe(plan.refine)),
        fusion=plan.fusion,
    )
    if plan.se_ratio is not None:
        macro['se_ratio'] = plan.se_ratio
    if plan.sources != ADJACENT_SOURCES:
        macro['sources'] = [list(pair) for pair in plan.sources]
    return macro


def _check_sources(sources: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """Require of each fusion cell a coarser map, and one of its own size or finer."""
    pairs = tuple(tuple(pair) for pair in sources)
    targets = range(_NUM_REDUCTIONS - 1, -1, -1)
    fits = len(pairs) == _NUM_REDUCTIONS and all(
        len(pair) == 2 and 0 <= pair[1] <= target < pair[0] <= _NUM_REDUCTIONS
        for target, pair in zip(targets, pairs, strict=True)
    )
    if not fits:
        raise ConfigError(
            'macro.sources must give each of the three fusion cells, whose outputs have levels '
            '2, 1 and 0, one coarser level and one level of its size or finer, such as '
            f'{[list(pair) for pair in ADJACENT_SOURCES]}, got {sources}'
        )
    return pairs


def _check_known(where: str, mapping: Mapping, known: Sequence[str]) -> None:
    unknown = sorted(set(mapping) - set(known))
    if unknown:
        raise ConfigError(f'{where} has unknown keys {unknown}: use {sorted(known)}')


def _override(base: Mapping, given: Mapping) -> dict:
    """Replace entries; positions that belong to another depth or other reductions go."""
    merged = {**base, **given}
    if merged['layers'] != base['layers'] and 'reductions' not in given:
        merged['reductions'] = None
    moved = list(merged['reductions'] or ()) != list(base['reductions'] or ())
    if moved and 'taps' not in given:
        merged['taps'] = None
    return merged
