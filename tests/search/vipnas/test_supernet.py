"""The spatial ViPNAS supernet against the networks cut out of it."""

import json
from copy import deepcopy
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from registry_cases import TINY_VIPNAS, TINY_VIPNAS_SPACE

from posenas.registry import MODELS
from posenas.search import (
    CostContext,
    NetworkCounter,
    ViPNASCounter,
    ViPNASSpace,
    ViPNASSupernet,
    recalibrate,
)
from posenas.utils import ConfigError
from posenas.utils.profiling import count_parameters

SPACES = dict(res50=ViPNASSpace(), mbv3=ViPNASSpace('ViPNAS_MobileNetV3'))
GENES = dict(kernel=(3, 5, 7), attention=(False, True))
SIZED = dict(GENES, groups=(1, 2, 4, 8))
HEAD = dict(width=(16, 24), kernel=(2, 4), groups=('dw', 8))
#: What the published spaces decide, for narrow networks.
NARROW = dict(
    res50=ViPNASSpace(
        stem=dict(width=(8, 16), kernel=(3, 5, 7)),
        stages=[
            dict(GENES, width=w, depth=(1, 2, 3), groups=('dw', 8, 4))
            for w in ((16, 24), (24, 40), (32, 56), (40, 72))
        ],
        head=HEAD,
    ),
    mbv3=ViPNASSpace(
        'ViPNAS_MobileNetV3',
        stem=dict(width=(8,), kernel=(3, 5)),
        stages=[
            dict(SIZED, width=(8,), depth=(1,), expand=(1,)),
            *(
                dict(SIZED, width=w, depth=(1, 2, 3), expand=(3, 5))
                for w in ((8, 16), (16, 24), (24, 32), (32, 40), (40, 48))
            ),
        ],
        head=HEAD,
    ),
)
each_space = pytest.mark.parametrize('name', SPACES)
#: Random architectures of each space in the quick and in the slow set.
FEW, MANY = 4, 200


@cache
def make_supernet(space):
    """A supernet whose channels, statistics and offsets all matter."""
    return fill(ViPNASSupernet(space, head=dict(out_channels=5)))


def fill(supernet):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in supernet.parameters():
            fan_in = parameter[0].numel() if parameter.ndim == 4 else 4
            parameter.normal_(std=1.5 * fan_in**-0.5, generator=generator)
            if parameter.ndim == 1:
                parameter.add_(1)
        for key, buffer in supernet.named_buffers():
            if key.endswith('running_var'):
                buffer.uniform_(0.5, 1.5, generator=generator)
            elif key.endswith('running_mean'):
                buffer.normal_(std=0.1, generator=generator)
    return supernet.eval()


def images(dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 64, 64, generator=generator).to(dtype)


def build(extract, dtype=torch.float32):
    config, state, _ = extract
    network = MODELS.build(deepcopy(config)).to(dtype).eval()
    network.load_state_dict(state, strict=True)
    return network


def check_paths_and_counts(space, examples):
    supernet = make_supernet(space)

    @given(seed=st.integers(0, 2**32 - 1))
    @settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(seed):
        arch = space.sample(np.random.default_rng(seed))
        for dtype in (torch.float64, torch.float32):
            supernet.to(dtype)
            extract = supernet.extract(arch)
            supernet.set_arch(arch)
            with torch.no_grad():
                ours, cut_out = supernet(images(dtype)), build(extract, dtype)(images(dtype))
            assert torch.equal(ours, cut_out)
            assert (ours[0] - ours[1]).abs().max() > 1e-3  # the images matter
        config, _, genotype = extract
        context = CostContext((64, 96), 5)
        analytic, counted = (
            ViPNASCounter()(genotype, context),
            NetworkCounter(config)(genotype, context),
        )
        assert (analytic.params, analytic.macs) == (counted.params, counted.macs)

    try:
        check()
    finally:
        supernet.to(torch.float32)


@each_space
def test_a_path_equals_its_network_and_costs_what_is_computed(name):
    check_paths_and_counts(NARROW[name], FEW)


@pytest.mark.slow
@each_space
def test_paths_of_published_spaces_equal_their_networks_and_cost_what_is_computed(name):
    check_paths_and_counts(SPACES[name], MANY)


@each_space
def test_parameters_have_the_names_and_shapes_of_the_largest_network(name):
    supernet = make_supernet(NARROW[name])
    largest = build(supernet.extract(NARROW[name].extremes()[1]))
    ours = {key: value.shape for key, value in supernet.state_dict().items()}
    assert ours == {key: value.shape for key, value in largest.state_dict().items()}


def test_published_costs_are_counted():
    from genotype.vipnas.test_blocks import res50

    counts = ViPNASCounter()(res50(), CostContext((192, 256), 17))
    assert (counts.params, counts.macs) == (7_286_772, 1_462_930_272)


def tiny(**cfg):
    return MODELS.build(dict(TINY_VIPNAS, type='ViPNASSupernet', **cfg))


def test_a_network_without_shortcut_at_its_largest_has_one_where_it_is_needed():
    space = dict(TINY_VIPNAS_SPACE, stem=dict(width=(16, 24), kernel=(3,)))
    supernet = fill(tiny(space=space))
    largest = supernet.space.extremes()[1]
    for arch in (largest, largest | {'stem.width': 16}):
        supernet.set_arch(arch)
        assert torch.equal(supernet(images()), build(supernet.extract(arch))(images()))


def test_extracting_leaves_the_supernet_as_it_was():
    supernet = fill(tiny())
    smallest, largest = supernet.space.extremes()
    before = supernet(images())
    supernet.extract(smallest)
    assert supernet.read_arch() == largest
    assert torch.equal(supernet(images()), before)
    supernet.set_arch(smallest)
    assert supernet.read_arch() == smallest
    assert not torch.equal(supernet(images()), before)


def test_calibrated_statistics_go_into_the_network():
    supernet = fill(tiny())
    arch = supernet.space.sample(np.random.default_rng(3))
    supernet.set_arch(arch)
    recalibrate(supernet, [images(), images() + 1])
    stats = {key: value.clone() for key, value in supernet.named_buffers()}
    wanted = supernet(images())
    fill(supernet)
    network = build(supernet.extract(arch, stats))
    assert torch.equal(network(images()), wanted)


def test_the_config_of_a_network_is_plain():
    config, _, genotype = tiny(test_cfg=dict(flip_test=True)).extract(
        ViPNASSpace(**{k: v for k, v in TINY_VIPNAS_SPACE.items() if k != 'type'}).extremes()[0]
    )
    assert json.loads(json.dumps(config))['type'] == 'TopdownPoseEstimator'
    assert config['test_cfg'] == dict(flip_test=True)
    assert config['backbone']['dep'][1:] == [s['depth'] for s in genotype.choices['stages']]


def test_the_smallest_network_is_much_smaller_than_the_supernet():
    with torch.device('meta'):
        supernet = ViPNASSupernet(SPACES['res50'], head=dict(out_channels=17))
    smallest, largest = SPACES['res50'].extremes()
    context = CostContext((192, 256), 17)
    counts = [ViPNASCounter()(SPACES['res50'].to_genotype(a), context) for a in (smallest, largest)]
    assert counts[1].params == count_parameters(supernet)
    assert counts[0].params < counts[1].params / 20


def test_residual_branches_start_as_nothing():
    supernet = tiny()
    supernet.init_weights()
    weights = [norm.weight for norm in supernet.backbone.identity_norms()]
    assert len(weights) == 8
    assert all((weight == 0).all() for weight in weights)


def test_what_the_space_decides_cannot_be_given():
    with pytest.raises(ConfigError, match=r"decides \['wid'\]"):
        tiny(backbone=dict(wid=[1]))
    with pytest.raises(ConfigError, match='backbone must be a ViPNAS_ResNet'):
        tiny(backbone=dict(type='ViPNASMobileNetV3'))
