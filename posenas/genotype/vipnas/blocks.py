"""Spatial ViPNAS networks: what the choices of a genotype mean, block by block.

Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021. The
genotype is what networks are built, counted and cut out of a supernet by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from posenas.genotype.record import Genotype
from posenas.utils.errors import ConfigError

#: Backbone -> stride of the first block of each stage.
VIPNAS_STRIDES = {'ViPNAS_ResNet': (1, 2, 2, 2), 'ViPNAS_MobileNetV3': (1, 2, 2, 2, 1, 2)}
_DECISIONS = ('kernel', 'groups', 'attention')


@dataclass(frozen=True)
class BlockShape:
    """One block of a backbone.

    Attributes:
        in_channels: Channels of the input.
        mid_channels: Channels of the grouped convolution.
        out_channels: Channels of the output.
        kernel: Side of the grouped convolution.
        groups: Its groups.
        stride: Of the block.
        attention: Whether it attends.
    """

    in_channels: int
    mid_channels: int
    out_channels: int
    kernel: int
    groups: int
    stride: int
    attention: bool

    @property
    def keeps_shape(self) -> bool:
        """Whether the input can be added to the output as it is."""
        return self.stride == 1 and self.in_channels == self.out_channels


@dataclass(frozen=True)
class DeconvShape:
    """One transposed convolution of the head, which doubles the map.

    Attributes:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Side.
        groups: Groups.
    """

    in_channels: int
    out_channels: int
    kernel: int
    groups: int


def context_planes(channels: int) -> int:
    """Squeezed width of a context block for ``channels``: a sixteenth, at least 16.

    Rounded down in floating point, as published: 49 and 98 channels squeeze to 15, not 16.
    """
    return int(channels * max(1 / 16, 16 / channels))


def squeezed_channels(channels: int) -> int:
    """Squeezed width of squeeze-and-excitation for ``channels``."""
    return channels // 4


def read_vipnas_blocks(genotype: Genotype) -> tuple[tuple[BlockShape, ...], ...]:
    """List the blocks of every stage.

    Raises:
        ConfigError: It is no such genotype, or its channels cannot be grouped.
    """
    backbone, choices = _check_family(genotype)
    stages, channels = [], choices['stem']['width']
    for stage, stride in zip(choices['stages'], VIPNAS_STRIDES[backbone], strict=True):
        width, blocks = stage['width'], []
        values = stage.get('blocks') or [{key: stage[key] for key in _DECISIONS}] * stage['depth']
        for i, block in enumerate(values):
            mid = width * stage.get('expand', 1)
            _check_groups('stages', block['groups'], mid, mid)
            blocks.append(BlockShape(channels, mid, width, stride=1 if i else stride, **block))
            channels = width
        stages.append(tuple(blocks))
    return tuple(stages)


def read_vipnas_head(genotype: Genotype) -> tuple[DeconvShape, ...]:
    """List the transposed convolutions of the head.

    Raises:
        ConfigError: It is no such genotype, or its channels cannot be grouped.
    """
    _, choices = _check_family(genotype)
    layers, channels = [], choices['stages'][-1]['width']
    for layer in choices['head']:
        _check_groups('head', layer['groups'], channels, layer['width'])
        layers.append(DeconvShape(channels, layer['width'], layer['kernel'], layer['groups']))
        channels = layer['width']
    return tuple(layers)


def vipnas_arguments(genotype: Genotype) -> tuple[dict, dict]:
    """Return the arguments of backbone and head, ``type`` included, that build the network.

    Raises:
        ConfigError: It is no such genotype, or the blocks of a stage differ.
    """
    name, choices = _check_family(genotype)
    stem, stages, head = choices['stem'], choices['stages'], choices['head']
    if any('blocks' in stage for stage in stages):
        raise ConfigError(
            f'the blocks of a stage must be alike to build {name}, got blocks in '
            f'{genotype.name!r}: choose one kernel, groups and attention per stage'
        )
    backbone = dict(
        type=name,
        wid=[stem['width'], *(stage['width'] for stage in stages)],
        expan=[None, *(stage.get('expand', 1) for stage in stages)],
        dep=[None, *(stage['depth'] for stage in stages)],
        ks=[stem['kernel'], *(stage['kernel'] for stage in stages)],
        group=[None, *(stage['groups'] for stage in stages)],
        att=[None, *(stage['attention'] for stage in stages)],
    )
    if name == 'ViPNAS_ResNet':
        backbone['depth'] = 50
    return backbone, dict(
        type='ViPNASHead',
        in_channels=stages[-1]['width'],
        deconv_out_channels=[layer['width'] for layer in head],
        deconv_kernel_sizes=[layer['kernel'] for layer in head],
        deconv_num_groups=[layer['groups'] for layer in head],
    )


def vipnas_genotype(
    backbone: Mapping, head: Mapping, name: str = 'vipnas', space: str = ''
) -> Genotype:
    """Write the genotype of a network given by the arguments :func:`vipnas_arguments` returns.

    Args:
        backbone: ``type`` and the lists of the backbone, all given.
        head: The lists of the head, all given.
        name: Name of the genotype.
        space: Search space it belongs to, such as 'vipnas_res50/1'; '' says what the type says.

    Raises:
        ConfigError: The backbone is none of these, or a list is missing.
    """
    kind = {key.replace('_', ''): key for key in VIPNAS_STRIDES}.get(
        str(backbone.get('type')).replace('_', '')
    )
    lists = [backbone.get(key) for key in ('wid', 'expan', 'dep', 'ks', 'group', 'att')]
    layers = [head.get(f'deconv_{key}') for key in ('out_channels', 'kernel_sizes', 'num_groups')]
    if kind is None or not all(isinstance(item, Sequence) for item in lists + layers):
        raise ConfigError(
            f'a spatial ViPNAS network must have a backbone of {list(VIPNAS_STRIDES)} and all '
            f'lists of backbone and head, got {dict(backbone)} and {dict(head)}'
        )
    keys = ('width', 'expand', 'depth', 'kernel', 'groups', 'attention')
    stages = [dict(zip(keys, values, strict=True)) for values in zip(*lists, strict=True)][1:]
    for stage in stages:
        stage['attention'] = bool(stage['attention'])
        if kind == 'ViPNAS_ResNet':
            stage['width'] *= stage.pop('expand')
    choices = dict(
        stem=dict(width=backbone['wid'][0], kernel=backbone['ks'][0]),
        stages=stages,
        head=[
            dict(zip(('width', 'kernel', 'groups'), values, strict=True))
            for values in zip(*layers, strict=True)
        ],
    )
    family = dict(ViPNAS_ResNet='vipnas_res50', ViPNAS_MobileNetV3='vipnas_mbv3')[kind]
    space = space or f'{family}/1'
    return Genotype.of_choices('vipnas', name, space, dict(backbone=kind), choices)


def _check_family(genotype: Genotype) -> tuple[str, dict]:
    """Return backbone and choices of a spatial ViPNAS genotype."""
    backbone = genotype.macro.get('backbone')
    strides = VIPNAS_STRIDES.get(str(backbone))
    if genotype.family != 'vipnas' or genotype.choices is None or strides is None:
        raise ConfigError(
            f"a spatial ViPNAS genotype must have family 'vipnas' and macro.backbone of "
            f'{list(VIPNAS_STRIDES)}, got {genotype.family!r} and {backbone!r}'
        )
    number = len(genotype.choices['stages'])
    if number != len(strides):
        raise ConfigError(f'{backbone} has {len(strides)} stages, got choices for {number}')
    return str(backbone), genotype.choices


def _check_groups(where: str, groups: int, *channels: int) -> None:
    if any(number % groups for number in channels):
        raise ConfigError(f'{where}: groups must divide the channels {channels}, got {groups}')
