"""Genotypes of spatial ViPNAS networks and the arguments that build these."""

import inspect
from itertools import pairwise

import pytest

from posenas.genotype import (
    Genotype,
    context_planes,
    read_vipnas_blocks,
    vipnas_arguments,
    vipnas_genotype,
)
from posenas.models import ViPNASHead, ViPNASMobileNetV3, ViPNASResNet
from posenas.utils import ConfigError

LISTS = ('wid', 'expan', 'dep', 'ks', 'group', 'att')


def published(backbone, **head):
    """Genotype of the network that the defaults of ``backbone`` build."""
    defaults = {k: p.default for k, p in inspect.signature(backbone).parameters.items()}
    layers = {k: p.default for k, p in inspect.signature(ViPNASHead).parameters.items()} | head
    return vipnas_genotype(
        dict(type=backbone.__name__, **{key: defaults[key] for key in LISTS}),
        {key: value for key, value in layers.items() if key.startswith('deconv')},
    )


def res50():
    return published(ViPNASResNet)


def mbv3():
    return published(
        ViPNASMobileNetV3, deconv_out_channels=(160,) * 3, deconv_num_groups=(160,) * 3
    )


def change(genotype, **stage):
    """Change the first stage of ``genotype``."""
    data = genotype.to_dict()
    data['choices']['stages'][0] |= stage
    return Genotype.from_dict(data)


@pytest.mark.parametrize('make', [res50, mbv3])
def test_arguments_and_genotype_say_the_same(make):
    genotype = make()
    assert vipnas_genotype(*vipnas_arguments(genotype)).id == genotype.id


def test_blocks_chain():
    for stages in (read_vipnas_blocks(res50()), read_vipnas_blocks(mbv3())):
        blocks = [block for stage in stages for block in stage]
        assert all(a.out_channels == b.in_channels for a, b in pairwise(blocks))
    assert [len(stage) for stage in stages] == [1, 4, 4, 4, 4, 4]


def test_squeezed_widths_are_rounded_as_published():
    assert [context_planes(c) for c in (48, 49, 80, 98, 304, 608)] == [16, 15, 16, 15, 19, 38]


def test_blocks_that_differ_are_read_but_not_built():
    own = [dict(kernel=3, groups=16, attention=bool(i)) for i in range(4)]
    data = res50().to_dict()
    data['choices']['stages'][0] = dict(depth=4, width=80, blocks=own)
    genotype = Genotype.from_dict(data)
    assert [block.attention for block in read_vipnas_blocks(genotype)[0]] == [0, 1, 1, 1]
    with pytest.raises(ConfigError, match='alike'):
        vipnas_arguments(genotype)


def test_what_is_no_network_is_refused():
    with pytest.raises(ConfigError, match='groups must divide'):
        read_vipnas_blocks(change(res50(), groups=7))
    with pytest.raises(ConfigError, match='all lists'):
        vipnas_genotype(dict(type='ViPNASResNet'), {})
    data = res50().to_dict()
    data['macro'] = dict(backbone='ResNet')
    with pytest.raises(ConfigError, match=r'macro\.backbone'):
        read_vipnas_blocks(Genotype.from_dict(data))
    del data['choices']['stages'][0]
    data['macro'] = dict(backbone='ViPNAS_ResNet')
    with pytest.raises(ConfigError, match='4 stages'):
        read_vipnas_blocks(Genotype.from_dict(data))
