"""The search space of networks for inference engines."""

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from posenas.genotype import EDGE_BLOCKS, EDGE_HEADS, Genotype, StagePlan, edge_genotype, read_edge
from posenas.registry import TASK_UTILS
from posenas.search.space import Arch, Choice, SearchSpace, Value
from posenas.utils import ConfigError

_KINDS, _GENES = tuple(EDGE_BLOCKS), ('kind', 'width', 'depth', 'expand', 'kernel')
_EVERY_BLOCK = MappingProxyType(dict(kind=_KINDS, expand=(1, 2, 3, 4), kernel=(3, 5, 7)))
#: Options of the space 'edge/1', at most 1.3 million parameters within limits of a budget.
_STAGES = (
    dict(_EVERY_BLOCK, width=(32, 48, 64, 80), depth=(1, 2, 3, 4)),
    dict(_EVERY_BLOCK, width=(48, 64, 80, 96, 128), depth=(1, 2, 3, 4)),
    dict(_EVERY_BLOCK, width=(64, 96, 128, 160), depth=(1, 2)),
)
_STEM, _SCALES, _FUSION, _HEAD = (16, 24, 32), (2, 3), (32, 48, 64), (16, 32)


def _list_options(
    stem: Sequence[int] = _STEM,
    stages: Sequence[Mapping[str, Sequence[Any]]] | None = None,
    scales: Sequence[int] = _SCALES,
    fusion: Sequence[int] = _FUSION,
    head: Mapping[str, Sequence[Any]] | None = None,
) -> dict[str, tuple]:
    """Return the options of each decision."""
    given = _STAGES if stages is None else stages
    if len(given) != 3:
        raise ConfigError(f'stages must hold options of 3 stages, got {len(given)}')
    options = {'stem.width': tuple(stem)}
    for i, stage in enumerate(given):
        if {*stage} != {*_GENES}:
            raise ConfigError(f'stages.{i} must hold {list(_GENES)}, got {sorted(stage)}')
        options |= {f'stages.{i}.{gene}': tuple(stage[gene]) for gene in _GENES}
    options |= {'scales': tuple(scales), 'fusion.width': tuple(fusion)}
    head = head or dict(kind=EDGE_HEADS, width=_HEAD)
    if {*head} != {'kind', 'width'}:
        raise ConfigError(f"head must hold ['kind', 'width'], got {sorted(head)}")
    return options | {f'head.{gene}': tuple(head[gene]) for gene in ('kind', 'width')}


@TASK_UTILS.register_module()
class EdgeSpace(SearchSpace):
    """Stages of one kind of blocks each, sums over two or three scales, and a kind of head.

    What is in it pays in OpenVINO and in ONNX Runtime, by the table of blocks in
    ``docs/benchmarks.md``. Of each kind of blocks only some kernels and expansions exist
    (:data:`posenas.genotype.EDGE_BLOCKS`); others are brought to the nearest one. Decisions without
    effect have their first option: those of the third stage where two scales are fused, and the
    width of heads that have none.

    Args:
        stem: Options of the channels behind the stem.
        stages: For each of three stages, of strides 8, 16 and 32, options of ``kind``, ``width``,
            ``depth``, ``expand`` and ``kernel``; None takes those of 'edge/1'.
        scales: Numbers of scales that are fused, 2 or 3.
        fusion: Options of the channels of their sums.
        head: Options of ``kind`` and of the ``width`` of 'deconv'.
        name: Identity of the space; '' for 'edge/1', with other options 'edge-own/1'.

    Raises:
        ConfigError: Options are missing, or a kind of blocks or heads has none.
    """

    def __init__(
        self,
        stem: Sequence[int] = _STEM,
        stages: Sequence[Mapping[str, Sequence[Any]]] | None = None,
        scales: Sequence[int] = _SCALES,
        fusion: Sequence[int] = _FUSION,
        head: Mapping[str, Sequence[Any]] | None = None,
        name: str = '',
    ) -> None:
        options = _list_options(stem, stages, scales, fusion, head)
        is_published = options == _list_options()
        self.name = name or ('edge/1' if is_published else 'edge-own/1')
        self._by_name = {name: _make_choice(name, values) for name, values in options.items()}
        self._check_options()

    @property
    def decisions(self) -> tuple[Choice, ...]:
        """Stem, stages, scales and head; each stage is inherited as a whole."""
        return tuple(self._by_name.values())

    def to_genotype(self, arch: Arch) -> Genotype:
        """Write ``arch`` as a genotype.

        Raises:
            ConfigError: It lies outside the space.
        """
        self.require(arch)
        stages = [{g: arch[f'stages.{i}.{g}'] for g in _GENES} for i in range(int(arch['scales']))]
        head: dict[str, Value] = dict(kind=arch['head.kind'])
        if head['kind'] == 'deconv':
            head['width'] = arch['head.width']
        choices = dict(
            stem=dict(width=arch['stem.width']),
            stages=stages,
            fusion=dict(width=arch['fusion.width']),
            head=head,
        )
        return edge_genotype(choices, self.name.replace('/', '-'), self.name)

    def from_genotype(self, genotype: Genotype) -> Arch:
        """Find the architecture of ``genotype``; see :meth:`SearchSpace.from_genotype`."""
        read_edge(genotype)
        choices = genotype.choices or {}
        values = {name: choice.options[0] for name, choice in self._by_name.items()}
        for part in ('stem', 'fusion', 'head'):
            values |= {f'{part}.{gene}': value for gene, value in choices[part].items()}
        for i, stage in enumerate(choices['stages']):
            values |= {f'stages.{i}.{gene}': value for gene, value in stage.items()}
        values['scales'] = len(choices['stages'])
        arch = Arch(values)
        arch = self._rest(arch)
        self.require(arch, f'{genotype.name!r} does not lie in {self.name}')
        return arch

    def repair(self, arch: Arch) -> Arch:
        """Bring kernels and expansions to what the kinds of blocks have; see the class."""
        arch = self._rest(arch)
        return arch | {
            f'stages.{i}.{gene}': min(fits, key=lambda o: abs(o - arch[f'stages.{i}.{gene}']))
            for i in range(3)
            for gene, fits in self._fitting(i, arch[f'stages.{i}.kind']).items()
        }

    def find_conflict(self, arch: Arch) -> str | None:
        """Say which kernel or expansion a block does not have; None if all do."""
        fixed = self.repair(arch)
        changed = {name: fixed[name] for name in arch if fixed[name] != arch[name]}
        return f'these must be {changed}, or be repaired, got {arch}' if changed else None

    def vary(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Draw kinds of blocks and head of the smallest and the largest network anew.

        No kind is the largest, and each must learn at its largest.
        """
        if arch not in self.extremes():
            return arch
        drawn = {
            name: choice.sample(rng)
            for name, choice in self._by_name.items()
            if name.endswith('kind')
        }
        side = self.extremes().index(arch)
        ends = {name: choice.extremes[side] for name, choice in self._by_name.items()}
        return self.repair(Arch({**ends, **drawn}))

    def count(self) -> int:
        """Number of different networks."""
        sizes = [self._count_stage(i) for i in range(3)]
        scales = sum(prod(sizes[:number]) for number in self._by_name['scales'].options)
        heads = self._by_name['head.kind'].options
        ends = len(heads) + ('deconv' in heads) * (self._by_name['head.width'].count - 1)
        return (
            scales * ends * self._by_name['stem.width'].count * self._by_name['fusion.width'].count
        )

    def largest_stages(self) -> tuple[dict[str, StagePlan], ...]:
        """Return for each stage the largest plan of every kind of its blocks."""
        widths = [self._by_name['stem.width'].options[-1]]
        plans = []
        for i in range(3):
            options = {gene: self._by_name[f'stages.{i}.{gene}'].options for gene in _GENES}
            widths.append(options['width'][-1])
            sizes = dict(width=widths[-1], depth=options['depth'][-1])
            plans.append(
                {
                    kind: StagePlan(
                        widths[i],
                        kind,
                        **sizes,
                        **{gene: fits[-1] for gene, fits in self._fitting(i, kind).items()},
                    )
                    for kind in options['kind']
                }
            )
        return tuple(plans)

    def largest_head(self) -> dict[str, int]:
        """Return for each kind of heads its largest width, 0 where it has none."""
        widest = self._by_name['head.width'].options[-1]
        kinds = self._by_name['head.kind'].options
        return {kind: widest if kind == 'deconv' else 0 for kind in kinds}

    def _rest(self, arch: Arch) -> Arch:
        """Give decisions without effect one value."""
        idle = [] if arch['head.kind'] == 'deconv' else ['head.width']
        if arch['scales'] == 2:
            idle += [f'stages.2.{gene}' for gene in _GENES]
        arch = arch | {name: self._by_name[name].options[0] for name in idle}
        if arch['scales'] == 3:
            return arch
        kind = arch['stages.2.kind']
        return arch | {f'stages.2.{g}': fits[0] for g, fits in self._fitting(2, kind).items()}

    def _fitting(self, stage: int, kind: Value) -> dict[str, list[int]]:
        """Return the options of kernel and expansion that blocks of ``kind`` have."""
        known = EDGE_BLOCKS[kind]
        return {
            gene: [o for o in self._by_name[f'stages.{stage}.{gene}'].options if o in known[gene]]
            for gene in ('expand', 'kernel')
        }

    def _count_stage(self, stage: int) -> int:
        """Number of different stages."""
        options = {gene: self._by_name[f'stages.{stage}.{gene}'] for gene in _GENES}
        blocks = sum(
            prod(map(len, self._fitting(stage, kind).values())) for kind in options['kind'].options
        )
        return blocks * options['width'].count * options['depth'].count

    def _check_options(self) -> None:
        """Require kinds that exist and have kernels and expansions among the options."""
        for name, known in (('head.kind', EDGE_HEADS), ('scales', (2, 3))):
            unknown = set(self._by_name[name].options).difference(known)
            if unknown:
                raise ConfigError(f'{name} must be of {list(known)}, got {sorted(unknown)}')
        for i in range(3):
            kinds = self._by_name[f'stages.{i}.kind'].options
            unknown = sorted(set(kinds).difference(_KINDS))
            if unknown:
                raise ConfigError(f'stages.{i}.kind must be of {list(_KINDS)}, got {unknown}')
            for kind, gene in product(kinds, ('expand', 'kernel')):
                if not self._fitting(i, kind)[gene]:
                    raise ConfigError(
                        f'stages.{i}.{gene} must hold one of {list(EDGE_BLOCKS[kind][gene])}, as '
                        f'{kind!r} blocks have, got {self._by_name[f"stages.{i}.{gene}"].options}'
                    )


def _make_choice(name: str, options: Sequence[Any]) -> Choice:
    """Order options from the cheapest network to the most expensive."""
    orders = {'head.kind': EDGE_HEADS}
    order = orders.get(name, _KINDS if name.endswith('kind') else ())
    rank = order.index if set(options) <= set(order) else lambda option: option
    group = name.rpartition('.')[0]
    return Choice(name, tuple(sorted(options, key=rank)), group)
