"""Fused form of any model: what is folded, and the way back."""

import copy

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.registry import init_default_scope
from random_weights import randomise
from registry_cases import MODELS as CASES
from registry_cases import TINY_MODEL
from torch import nn

from posenas.models import TopdownPoseEstimator
from posenas.models.fused import FUSED_RULES, FusedRule, fuse, is_fused, unfuse
from posenas.models.fused.rules import find_rule
from posenas.models.layers import DiteStem
from posenas.registry import MODELS
from posenas.utils import ConfigError
from posenas.utils.timing import draw_weights

VIPNAS = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='ViPNASResNet', depth=50, wid=(16, 16, 32, 32, 32), dep=(None, 1, 2, 1, 1)),
    head=dict(type='ViPNASHead', in_channels=32, out_channels=17, deconv_out_channels=(32,) * 3),
)


class Block(nn.Module):
    """Has pairs by its rule; one of them is switched off, one is no pair."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = None, None
        self.conv3, self.bn3 = nn.Conv2d(4, 4, 1), nn.GroupNorm(2, 4)

    def forward(self, x):
        return self.bn3(self.conv3(self.bn1(self.conv1(x)).relu()))


class Doubling(nn.Module):
    """Its rule makes one product for two sums, and leaves a part that can be folded further."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))

    def forward(self, x):
        return self.inner(x) + self.inner(x)


class Doubled(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return 2 * self.inner(x)


class Unwilling(nn.Sequential):
    """Its rule has no form for its settings."""


class Other(Block):
    """Computes something else than the block whose rule it must not inherit."""

    def forward(self, x):
        return self.bn3(self.conv3(self.bn1(2 * self.conv1(x)).relu()))


RULES = {
    Block: FusedRule(pairs=(('conv1', 'bn1'), ('conv2', 'bn2'), ('conv3', 'bn3'))),
    Doubling: FusedRule(lambda module: Doubled(copy.deepcopy(module.inner))),
    Unwilling: FusedRule(lambda module: None),
}


@pytest.fixture(autouse=True)
def rules_of_these_blocks(monkeypatch):
    for kind, rule in RULES.items():
        monkeypatch.setitem(FUSED_RULES, kind, rule)


def sequence() -> nn.Sequential:
    shared = Doubling()
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        ConvModule(4, 4, 3, padding=1, norm_cfg=dict(type='BN')),
        ConvModule(4, 4, 3, norm_cfg=dict(type='BN'), order=('norm', 'conv', 'act')),
        Block(),
        shared,
        nn.ReLU(),
        shared,
        Unwilling(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 4, 1),
    )


def count_norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def build(cfg: dict) -> nn.Module:
    init_default_scope('posenas')
    return randomise(MODELS.build(cfg))


@pytest.mark.parametrize(
    ('make', 'norms_left'),
    [(sequence, 2), (lambda: build(TINY_MODEL), 0), (lambda: build(VIPNAS), 0)],
    ids=['sequence', 'tiny', 's_vipnas_res50'],
)
def test_the_fused_form_is_equal_and_the_way_back_exact(make, norms_left):
    model = randomise(make()).double()
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    before, state = model(x).detach(), copy.deepcopy(model.state_dict())
    strides = {name: value.stride() for name, value in state.items()}
    fuse(model)
    assert is_fused(model)
    assert count_norms(model) == norms_left
    after = model(x)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12 * float(before.abs().max()))
    fuse(model)
    assert torch.equal(model(x), after)
    unfuse(model)
    unfuse(model)
    assert not is_fused(model)
    assert torch.equal(model(x), before)
    assert list(model.state_dict()) == list(state)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert {name: value.stride() for name, value in model.state_dict().items()} == strides
    model.train()


def test_an_estimator_switches_itself():
    model = build(TINY_MODEL)
    x = torch.randn(1, 3, 64, 48)
    before = model(x)
    model.switch_to_deploy()
    assert torch.allclose(model(x), before, atol=1e-5)
    model.switch_from_deploy()
    assert torch.equal(model(x), before)


def test_a_module_in_several_places_has_one_fused_form():
    model = randomise(sequence())
    fuse(model)
    assert type(model[5]) is Doubled
    assert model[5] is model[7]


def test_the_originals_follow_to_another_precision():
    model = randomise(sequence())
    expected = copy.deepcopy(model).double().state_dict()
    fuse(model)
    model.double()
    unfuse(model)
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
    assert all(parameter.dtype == torch.float64 for parameter in model.parameters())


def test_a_copy_of_a_fused_model_returns_by_itself():
    model = randomise(sequence())
    x = torch.randn(1, 3, 8, 8)
    before = model(x)
    fuse(model)
    twin = copy.deepcopy(model)
    unfuse(twin)
    assert torch.equal(twin(x), before)
    assert is_fused(model)


def test_a_subclass_does_not_inherit_the_rule_of_its_parent():
    model = randomise(nn.Sequential(Other(), nn.ReLU()))
    x = torch.randn(2, 4, 8, 8)
    before = model(x)
    fuse(model)
    assert type(model[0]) is Other
    assert count_norms(model) == 1
    torch.testing.assert_close(model(x), before)


def test_an_estimator_of_another_class_keeps_its_neck_between_backbone_and_head():
    class Shifted(TopdownPoseEstimator):
        def extract_feat(self, inputs):
            return tuple(feat + 1 for feat in super().extract_feat(inputs))

    case = dict(CASES['CNFHead'].cfg)
    assert find_rule(Shifted.__new__(Shifted)).children(case) == {}


@pytest.mark.parametrize('part', ['conv1', 'branch1.2', 'branch2.1'])
def test_a_stem_with_a_part_of_another_class_is_not_replaced(part):
    stem = DiteStem(3, 16)
    assert find_rule(stem).make(stem.eval()) is not None
    module = stem.get_submodule(part)
    module.__class__ = type('Mine', (type(module),), {})
    assert find_rule(stem).make(stem) is None


@pytest.mark.parametrize('part', ['', '4'], ids=['whole', 'one block'])
def test_train_mode_is_refused(part):
    model = randomise(sequence())
    model.get_submodule(part).train()
    with pytest.raises(ConfigError, match=r'call eval\(\)'):
        fuse(model)
    assert not is_fused(model)


def test_a_fused_model_does_not_train():
    model = build(TINY_MODEL)
    model.switch_to_deploy()
    with pytest.raises(ConfigError, match='unfuse'):
        model.train()
    assert not any(module.training for module in model.modules())
    model.eval()


def test_a_form_without_a_place_is_refused():
    with pytest.raises(ConfigError, match='no parent'):
        fuse(Doubling().eval())


def test_a_failing_form_leaves_the_model_as_it_was(monkeypatch):
    model = randomise(sequence())
    names = list(model.state_dict())
    monkeypatch.setitem(FUSED_RULES, Doubling, FusedRule(lambda module: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        fuse(model)
    assert list(model.state_dict()) == names
    assert not is_fused(model)


@pytest.fixture
def float64():
    """Noise and weights in double precision."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


#: An average is of a training; a loss compares in single precision; elastic layers choose their
#: channels at each pass, so that folding waits for the derived network.
WITHOUT_FUSED_FORM = {'ExpMomentumEMA', 'FeatureDistill', 'HeatmapCopy'}
WITHOUT_FUSED_FORM |= {'ViPNASSupernet', 'TViPNASSupernet', 'EdgeSupernet', 'PrunedModelSupernet'}


@pytest.mark.parametrize('name', sorted(set(CASES) - WITHOUT_FUSED_FORM))
def test_every_registered_network_has_an_equal_fused_form(name, float64):
    init_default_scope('posenas')
    holder = nn.ModuleDict(dict(part=MODELS.build(dict(type=name, **CASES[name].cfg)))).eval()
    draw_weights(holder)
    before = [output.detach().clone() for output in CASES[name].run(holder['part'])]
    state, norms = list(holder.state_dict()), count_norms(holder)
    fuse(holder)
    assert count_norms(holder) <= norms // 3
    after = CASES[name].run(holder['part'])
    for output, expected in zip(after, before, strict=True):
        scale = max(1e-30, float(expected.abs().max()))
        limit = max(
            1e-8, 2 * torch.finfo(expected.dtype).eps
        )  # some losses are in single precision
        torch.testing.assert_close(output.detach(), expected, rtol=0, atol=limit * scale)
    unfuse(holder)
    assert list(holder.state_dict()) == state
