"""Fused form for inference engines: what they run badly is written in another way."""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import nn

from posenas.deploy.engine_convs import (
    EnlargingHead,
    HalvedExcitation,
    can_enlarge,
    rewrite_conv,
)
from posenas.deploy.engine_dite_hrnet import EngineBlock, EngineStem
from posenas.models.fused import FUSED_RULES, FusedRule, fuse, is_plain_conv
from posenas.models.fused.dite_hrnet import is_published
from posenas.models.heads.base import BaseHeatmapHead
from posenas.models.layers import DiteModule, DiteStem, IterativeHead
from posenas.models.layers.attention import SqueezeExcitation
from posenas.models.layers.dite_hrnet.blocks import DMCBlock
from posenas.models.layers.exchange import DepthwisePointwise

#: Exact type -> rule, where engines need another one than PyTorch.
ENGINE_RULES: Mapping[type, FusedRule] = MappingProxyType(
    {
        SqueezeExcitation: FusedRule(HalvedExcitation),
        # Dite-HRNet: PyTorch's forms keep channels last
        DiteStem: FusedRule(lambda stem: EngineStem(stem) if is_published(stem) else None),
        DMCBlock: FusedRule(lambda block: EngineBlock(block) if is_published(block) else None),
        DiteModule: FusedRule(),
        DepthwisePointwise: FusedRule(),
        IterativeHead: FusedRule(),
    }
)


@torch.no_grad()
def give_engine_form(model: nn.Module) -> None:
    """Give a network the form that is exported, in place; outputs change by rounding only.

    Args:
        model: Network in evaluation mode, not fused.

    Raises:
        ConfigError: See :func:`posenas.models.fused.fuse`.
    """
    fuse(model, {**FUSED_RULES, **ENGINE_RULES})
    model.to(memory_format=torch.contiguous_format)  # else pools are exported as gathers
    for module in list(model.modules()):
        if isinstance(module, BaseHeatmapHead):
            _rewrite_head(module)
        for name, child in list(module._modules.items()):
            if is_plain_conv(child) and isinstance(child, nn.Conv2d):
                module._modules[name] = rewrite_conv(child)


def _rewrite_head(head: BaseHeatmapHead) -> None:
    """Let the last transposed convolution of a head and its final layer be one."""
    layers = getattr(head, 'deconv_layers', None)
    if not isinstance(layers, nn.Sequential) or not isinstance(head.conv_layers, nn.Identity):
        return
    *before, deconv, norm, relu = layers
    is_plain = isinstance(norm, nn.Identity) and isinstance(relu, nn.ReLU)
    if is_plain and can_enlarge(deconv, head.final_layer):
        head.deconv_layers = nn.Sequential(*before, EnlargingHead(deconv, head.final_layer))
        head.final_layer = nn.Identity()
