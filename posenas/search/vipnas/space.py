"""Spatial search spaces of ViPNAS: depth, width, kernel, groups, attention of every stage."""

from collections.abc import Mapping, Sequence
from math import gcd
from types import MappingProxyType
from typing import Any

from posenas.genotype import (
    VIPNAS_STRIDES,
    Genotype,
    context_planes,
    read_vipnas_blocks,
    read_vipnas_head,
)
from posenas.registry import TASK_UTILS
from posenas.search.space import Arch, Choice, SearchSpace, Value
from posenas.utils import ConfigError, check_choice

#: Option of ``groups``: as many as inputs and outputs have as greatest common divisor.
DEPTHWISE = 'dw'
_GENES = ('width', 'depth', 'kernel', 'groups', 'attention')


def _repeat(stages: int, **genes: Sequence) -> list[dict[str, Sequence]]:
    """Spell out the stages; a gene of tuples of options differs between them."""
    return [
        {
            name: options[i] if isinstance(options[0], tuple) else options
            for name, options in genes.items()
        }
        for i in range(stages)
    ]


_RES50 = dict(
    stem=dict(width=(32, 40, 48, 64), kernel=(3, 5, 7)),
    stages=_repeat(
        4,
        width=((48, 64, 80, 96), (96, 128, 160, 192), (192, 256, 304, 352), (384, 512, 608, 704)),
        depth=((2, 3, 4), (3, 4, 5, 6), (3, 4, 5, 6, 7), (2, 3)),
        kernel=(3, 5, 7),
        groups=(DEPTHWISE, 16, 8, 4),
        attention=(False, True),
    ),
    head=dict(width=(96, 128, 144, 160), kernel=(2, 4), groups=(DEPTHWISE, 16, 8)),
)
_MBV3 = dict(
    stem=dict(width=(16,), kernel=(3,)),
    stages=_repeat(
        6,
        width=(
            (16,),
            (16, 24, 32),
            (32, 40, 48),
            (64, 80, 96),
            (96, 112, 128),
            (128, 160, 192),
        ),
        expand=((1,), *((3, 4, 5, 6),) * 5),
        depth=((1,), *((2, 3, 4),) * 5),
        kernel=(3, 5, 7),
        groups=(1, 2, 4, 8),
        attention=(False, True),
    ),
    head=dict(width=(128, 160), kernel=(2, 4), groups=(DEPTHWISE, 16, 8)),
)
#: Backbone -> options of the published space, the identity of the space and what groups mean.
_PUBLISHED = MappingProxyType(
    {
        'ViPNAS_ResNet': (_RES50, 'vipnas_res50/1', 'count'),
        'ViPNAS_MobileNetV3': (_MBV3, 'vipnas_mbv3/1', 'size'),
    }
)


@TASK_UTILS.register_module()
class ViPNASSpace(SearchSpace):
    """Networks of one family of blocks; every stage has one width, depth, kernel and so on.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 3. The options are ours: the paper does not list them. Both published networks lie in
    the spaces that the defaults make.

    Args:
        backbone: 'ViPNAS_ResNet' or 'ViPNAS_MobileNetV3'.
        stem: Options of ``width`` and ``kernel``; None takes the family's.
        stages: For each stage options of ``width``, ``depth``, ``kernel``, ``groups``,
            ``attention`` and, of a MobileNet, ``expand``; ``groups`` is the number of groups, or
            with ``group_by='size'`` that of channels in one, or 'dw'. None takes the family's.
        head: Options of ``width``, the same for all three transposed convolutions, and of
            ``kernel`` and ``groups`` of each; None takes the family's.
        group_by: 'count' or 'size'; None takes the family's.
        name: Identity of the space, such as 'vipnas_res50/1'; None takes the family's where all
            options are.

    Raises:
        ConfigError: An option is missing, or channels and groups of a combination do not fit.
    """

    num_deconvs = 3

    def __init__(
        self,
        backbone: str = 'ViPNAS_ResNet',
        stem: Mapping[str, Sequence[int]] | None = None,
        stages: Sequence[Mapping[str, Sequence[Any]]] | None = None,
        head: Mapping[str, Sequence[Any]] | None = None,
        group_by: str | None = None,
        name: str | None = None,
    ) -> None:
        check_choice('backbone', backbone, tuple(_PUBLISHED))
        published, identity, grouping = _PUBLISHED[backbone]
        is_published = stem is None and stages is None and head is None and group_by is None
        self.backbone = backbone
        self.group_by = group_by or grouping
        check_choice('group_by', self.group_by, ('count', 'size'))
        self.name = name or (identity if is_published else identity.replace('/', '-own/'))
        genes = _GENES if backbone == 'ViPNAS_ResNet' else (*_GENES, 'expand')
        chosen = published['stages'] if stages is None else stages
        self.num_stages = len(VIPNAS_STRIDES[backbone])
        if len(chosen) != self.num_stages:
            raise ConfigError(f'{backbone} has {self.num_stages} stages, got {len(chosen)}')
        parts = {
            'stem': (stem or published['stem'], ('width', 'kernel')),
            **{f'stages.{i}': (stage, genes) for i, stage in enumerate(chosen)},
            'head': (head or published['head'], ('width', 'kernel', 'groups')),
        }
        self._options = {
            part: _read_options(part, *given, by_size=self._counts_channels(part))
            for part, given in parts.items()
        }
        self._by_name = {choice.name: choice for choice in self._list_decisions()}
        self._check_combinations()

    @property
    def decisions(self) -> tuple[Choice, ...]:
        """Stem, stages and head; each stage is inherited as a whole."""
        return tuple(self._by_name.values())

    def to_genotype(self, arch: Arch) -> Genotype:
        """Write ``arch`` as a genotype, groups as numbers.

        Raises:
            ConfigError: It lies outside the space.
        """
        self.require(arch)
        values = dict(arch)
        for name, channels in self._grouped(arch).items():
            values[name] = self._count_groups(name, values[name], channels)
        stages = [
            {gene: values[f'stages.{i}.{gene}'] for gene in self._options[f'stages.{i}']}
            for i in range(self.num_stages)
        ]
        head = [
            dict(
                width=values['head.width'],
                kernel=values[f'head.{i}.kernel'],
                groups=values[f'head.{i}.groups'],
            )
            for i in range(self.num_deconvs)
        ]
        stem = dict(width=values['stem.width'], kernel=values['stem.kernel'])
        choices = dict(stem=stem, stages=stages, head=head)
        named, macro = self.name.replace('/', '-'), dict(backbone=self.backbone)
        return Genotype.of_choices('vipnas', named, self.name, macro, choices)

    def from_genotype(self, genotype: Genotype) -> Arch:
        """Find the architecture of ``genotype``; see :meth:`SearchSpace.from_genotype`."""
        blocks, layers = read_vipnas_blocks(genotype), read_vipnas_head(genotype)
        choices = genotype.choices or {}
        same = {
            'the backbone': [{genotype.macro['backbone'], self.backbone}],
            'the blocks of a stage': [
                {(b.kernel, b.groups, b.attention) for b in stage} for stage in blocks
            ],
            'the widths of the head': [{layer.out_channels for layer in layers}],
        }
        for what, sets in same.items():
            if any(len(values) > 1 for values in sets):
                raise ConfigError(f'{what} must be one in {self.name}, got {sets}')
        values = {f'stem.{gene}': value for gene, value in choices['stem'].items()}
        for i, stage in enumerate(choices['stages']):
            values |= {f'stages.{i}.{gene}': value for gene, value in stage.items()}
        for i, layer in enumerate(layers):
            values['head.width'] = layer.out_channels
            values |= {f'head.{i}.kernel': layer.kernel, f'head.{i}.groups': layer.groups}
        for name, channels in self._grouped(values).items():
            values[name] = self._find_option(name, values[name], channels)
        arch = Arch(values)
        self.require(arch, f'{genotype.name!r} does not lie in {self.name}')
        return arch

    def repair(self, arch: Arch) -> Arch:
        """Write 'dw' as the number of groups it makes, where that is an option too."""
        found = {
            name: self._find_option(name, self._count_groups(name, arch[name], channels), channels)
            for name, channels in self._grouped(arch).items()
        }
        return arch | found

    def _grouped(self, values: Mapping[str, Value]) -> dict[str, tuple[int, int]]:
        """Map decisions about groups to the inputs and outputs of their convolutions."""
        channels = {}
        width = 0
        for i in range(self.num_stages):
            width = int(values[f'stages.{i}.width'])  # type: ignore[arg-type]
            mid = width * int(values.get(f'stages.{i}.expand', 1))  # type: ignore[arg-type]
            channels[f'stages.{i}.groups'] = (mid, mid)
        made = int(values['head.width'])  # type: ignore[arg-type]
        for i in range(self.num_deconvs):
            channels[f'head.{i}.groups'] = (width, made)
            width = made
        return channels

    def _count_groups(self, name: str, option: Value, channels: tuple[int, int]) -> int:
        """Number of groups that an option makes of inputs and outputs."""
        if option == DEPTHWISE:
            return gcd(*channels)
        number = int(option)  # type: ignore[arg-type]
        return channels[0] // number if self._counts_channels(name) else number

    def _counts_channels(self, name: str) -> bool:
        """Tell whether options of groups in this part are channels of one group."""
        return self.group_by == 'size' and name.startswith('stages')

    def _find_option(self, name: str, count: int, channels: tuple[int, int]) -> Value:
        """Name the option that makes ``count`` groups, 'dw' last; else return ``count``."""
        numbers_first = reversed(self._by_name[name].options)
        fits = (o for o in numbers_first if self._count_groups(name, o, channels) == count)
        return next(fits, count)

    def _list_decisions(self) -> list[Choice]:
        head = self._options['head']
        decisions = [
            Choice(f'{part}.{gene}', options, part)
            for part, genes in self._options.items()
            for gene, options in genes.items()
            if part != 'head' or gene == 'width'
        ]
        for i in range(self.num_deconvs):
            decisions += [Choice(f'head.{i}.{g}', head[g], 'head') for g in ('kernel', 'groups')]
        return decisions

    def _check_combinations(self) -> None:
        """Require every combination of options to be a network, and the last ones the largest."""
        made = self._options['stem']['width']
        pairs: dict[str, set[tuple[int, int]]] = {}
        for i in range(self.num_stages):
            options, before = self._options[f'stages.{i}'], made
            made, expand = options['width'], options.get('expand', (1,))
            if 'expand' in options and 1 in expand and {*made, *before, *expand} != {made[0], 1}:
                raise ConfigError(
                    f'stages.{i}.expand must be 1 alone, or not at all, and only where the width '
                    f'cannot change: 1 leaves out the convolution that widens, got {options}'
                )
            pairs[f'stages.{i}.groups'] = {(w * e, w * e) for w in made for e in expand}
            if True in options['attention'] and self.backbone == 'ViPNAS_ResNet':
                _check_context(made)
        for i in range(self.num_deconvs):
            before, made = made, self._options['head']['width']
            pairs[f'head.{i}.groups'] = {(a, b) for a in before for b in made}
        for name, channels in pairs.items():
            self._check_groups(name, channels)

    def _check_groups(self, name: str, pairs: set[tuple[int, int]]) -> None:
        """Require groups that divide inputs and outputs, none larger than in the largest network.

        Its storage is what all share.
        """
        options, largest = self._by_name[name].options, max(pairs)
        size = largest[1] // self._count_groups(name, options[-1], largest)
        for option in options:
            for pair in pairs:
                count = self._count_groups(name, option, pair)
                if not count or pair[0] % count or pair[1] % count or pair[1] // count > size:
                    raise ConfigError(
                        f'{name} must divide all channels and make no groups larger than those of '
                        f'the largest network, {size} outputs, got {option} for {pair[0]} inputs '
                        f'and {pair[1]} outputs: choose other widths or groups'
                    )


def _read_options(
    part: str, given: Mapping[str, Sequence[Any]], genes: Sequence[str], by_size: bool
) -> dict[str, tuple[Any, ...]]:
    """Bring options into the order from the cheapest network to the most expensive."""
    if {*given} != {*genes}:
        raise ConfigError(f'{part} must hold options of {list(genes)}, got {sorted(given)}')

    def rank_groups(option: int | str) -> tuple[bool, int]:
        number = 0 if option == DEPTHWISE else int(option)
        return option != DEPTHWISE, number if by_size else -number

    options = {gene: tuple(sorted(given[gene])) for gene in genes if gene != 'groups'}
    if 'groups' in genes:
        options['groups'] = tuple(sorted(given['groups'], key=rank_groups))
    return options


def _check_context(widths: Sequence[int]) -> None:
    """Require widths whose context blocks fit into that of the largest one."""
    planes = [context_planes(width) for width in widths]
    if max(planes) > planes[-1]:
        raise ConfigError(
            f'context blocks of widths {tuple(widths)} squeeze to {planes}, more than the largest '
            'one: use multiples of 8'
        )
