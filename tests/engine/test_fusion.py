import pytest
import torch
from mmengine.registry import init_default_scope
from random_weights import randomise
from registry_cases import TINY_MODEL
from torch import nn

from posenas.engine.fusion import fuse_conv_bn
from posenas.models.fused import FUSED_RULES, FusedRule
from posenas.registry import MODELS
from posenas.utils import PoseNASError

VIPNAS = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='ViPNASResNet', depth=50),
    head=dict(type='ViPNASHead', in_channels=608, out_channels=17),
)


@pytest.mark.parametrize('cfg', [TINY_MODEL, VIPNAS], ids=['tiny', 's_vipnas_res50'])
def test_fusing_keeps_the_output_and_removes_norms(cfg):
    init_default_scope('posenas')
    model = MODELS.build(cfg)
    randomise(model)
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert fuse_conv_bn(model, (64, 64)) < 1e-4
    assert norms > 0
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())


class NormFirst(nn.Module):
    """Its rule names a pair that its forward pass calls in the other order."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        nn.init.normal_(self.norm.running_mean)

    def forward(self, x, data_samples=None, mode='tensor'):
        return self.conv(self.norm(x))


def test_a_network_that_fusing_would_change_is_refused_and_stays(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setitem(FUSED_RULES, NormFirst, FusedRule(pairs=(('conv', 'norm'),)))
    model = NormFirst()
    with pytest.raises(PoseNASError, match='fuse-conv-bn'):
        fuse_conv_bn(model, (4, 4))
    assert isinstance(model.norm, nn.BatchNorm2d)
