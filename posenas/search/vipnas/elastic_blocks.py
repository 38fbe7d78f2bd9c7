"""Blocks, backbones and head of ViPNAS whose size is chosen anew for every pass."""

from collections.abc import Iterator
from itertools import chain, islice
from types import MappingProxyType

from mmengine.model import Sequential
from torch import Tensor, nn

from posenas.genotype import (
    BlockShape,
    Genotype,
    context_planes,
    read_vipnas_blocks,
    read_vipnas_head,
    squeezed_channels,
)
from posenas.models import (
    ContextBlock,
    SqueezeExcitation,
    ViPNASHead,
    ViPNASInvertedResidual,
    ViPNASMobileNetV3,
    ViPNASResNet,
)
from posenas.models.layers import Bottleneck
from posenas.search.elastic import LAYER_FORMS, adopt, choose


class _Switch(nn.Module):
    """Module that can be left out: then its input passes.

    Args:
        module: The module at its largest; its layers are taken over.
    """

    def __init__(self, module: nn.Module) -> None:
        adopt(self, module)
        self.is_active = True

    def forward(self, x: Tensor) -> Tensor:
        """Run the module, or return ``x``."""
        return super().forward(x) if self.is_active else x


class ElasticContextBlock(_Switch, ContextBlock):
    """Context block of the first channels, or none."""

    def set_active(self, channels: int, is_active: bool) -> None:
        """Choose the active part."""
        choose(self, is_active=is_active)
        if is_active:
            planes = context_planes(channels)
            squeeze, norm, _, widen = self.channel_add_conv
            self.conv_mask.set_active(channels, 1)
            squeeze.set_active(channels, planes)
            norm.set_active(planes)
            widen.set_active(planes, channels)


class ElasticSqueezeExcitation(_Switch, SqueezeExcitation):
    """Squeeze-and-excitation of the first channels, or none."""

    def set_active(self, channels: int, is_active: bool) -> None:
        """Choose the active part."""
        choose(self, is_active=is_active)
        if is_active:
            squeezed = squeezed_channels(channels)
            self.conv1.conv.set_active(channels, squeezed)
            self.conv2.conv.set_active(squeezed, channels)


class ElasticShortcut(_Switch, nn.Sequential):
    """Projection of a block's input where it does not fit as it is."""

    def set_active(self, shape: BlockShape) -> None:
        """Choose the active part."""
        choose(self, is_active=not shape.keeps_shape)
        conv, norm = self
        conv.set_active(shape.in_channels, shape.out_channels)
        norm.set_active(shape.out_channels)


class ElasticStage(Sequential):
    """The first blocks of a stage.

    Args:
        stage: The stage at its deepest; its blocks are taken over.
    """

    def __init__(self, stage: Sequential) -> None:
        adopt(self, stage)
        self.depth = len(stage)

    def forward(self, x: Tensor) -> Tensor:
        """Run the active blocks."""
        for block in islice(self, self.depth):
            x = block(x)
        return x


class ElasticResNet(ViPNASResNet):
    """Backbone of residual blocks, of any size up to that of the original.

    Args:
        backbone: The largest backbone; its layers are taken over.
    """

    def __init__(self, backbone: ViPNASResNet) -> None:
        adopt(self, backbone)
        for i in range(1, self.num_stages + 1):
            stage = ElasticStage(getattr(self, f'layer{i}'))
            setattr(self, f'layer{i}', stage)
            stage[0].downsample = ElasticShortcut(stage[0].downsample or _project(stage[0]))

    def set_active(self, genotype: Genotype) -> None:
        """Choose the active part."""
        stem = genotype.choices['stem']
        self.conv1.set_active(self.conv1.in_channels, stem['width'], stem['kernel'])
        self.bn1.set_active(stem['width'])
        for i, shapes in enumerate(read_vipnas_blocks(genotype), start=1):
            stage = getattr(self, f'layer{i}')
            choose(stage, depth=len(shapes))
            for block, shape in zip(stage, shapes, strict=False):
                _set_bottleneck(block, shape)

    def find_stored(self, path: str) -> str:
        """Return our name of the module ``path`` of the static backbone of the active size."""
        return path

    def identity_norms(self) -> Iterator[nn.Module]:
        """Yield the norms at which a residual branch can start as nothing."""
        for i in range(1, self.num_stages + 1):
            for block in getattr(self, f'layer{i}'):
                yield block.bn3


class ElasticMobileNetV3(ViPNASMobileNetV3):
    """Backbone of inverted residual blocks, of any size up to that of the original.

    Args:
        backbone: The largest backbone; its layers are taken over.
    """

    def __init__(self, backbone: ViPNASMobileNetV3) -> None:
        adopt(self, backbone)
        self.stored = tuple(tuple(names) for names in backbone.stages)

    def set_active(self, genotype: Genotype) -> None:
        """Choose the active part."""
        stem, stages = genotype.choices['stem'], read_vipnas_blocks(genotype)
        _set_conv_module(self.conv1, self.conv1.in_channels, stem['width'], stem['kernel'])
        pairs = zip(self.stored, stages, strict=True)
        self.stages = [list(names[: len(shapes)]) for names, shapes in pairs]
        self.layers = [name for names in self.stages for name in names]
        for name, shape in zip(self.layers, chain(*stages), strict=True):
            _set_inverted_residual(getattr(self, name), shape)

    def find_stored(self, path: str) -> str:
        """Return our name of the module ``path`` of the static backbone of the active size."""
        block, dot, rest = path.partition('.')
        if block.startswith('layer'):
            block = self.layers[int(block.removeprefix('layer')) - 1]
        return block + dot + rest

    def identity_norms(self) -> Iterator[nn.Module]:
        """Yield the norms at which a residual branch can start as nothing."""
        for names in self.stored:
            for name in names[1:]:  # the first block may have nothing to add to
                yield getattr(self, name).linear_conv.bn


class ElasticViPNASHead(ViPNASHead):
    """Head of transposed convolutions, of any size up to that of the original.

    Args:
        head: The largest head; its layers are taken over.
    """

    def __init__(self, head: ViPNASHead) -> None:
        adopt(self, head)

    def set_active(self, genotype: Genotype) -> None:
        """Choose the active part."""
        layers = read_vipnas_head(genotype)
        self.in_channels = layers[0].in_channels
        for i, layer in enumerate(layers):
            conv, norm = self.deconv_layers[3 * i], self.deconv_layers[3 * i + 1]
            conv.set_active(layer.in_channels, layer.out_channels, layer.kernel, layer.groups)
            norm.set_active(layer.out_channels)
        final = self.final_layer
        final.set_active(layers[-1].out_channels, final.out_channels, final.kernel_size[0])


def _set_bottleneck(block: Bottleneck, shape: BlockShape) -> None:
    """Choose the active part of an elastic bottleneck."""
    block.conv1.set_active(shape.in_channels, shape.mid_channels)
    block.bn1.set_active(shape.mid_channels)
    block.conv2.set_active(shape.mid_channels, shape.mid_channels, shape.kernel, shape.groups)
    block.bn2.set_active(shape.mid_channels)
    block.conv3.set_active(shape.mid_channels, shape.out_channels)
    block.bn3.set_active(shape.out_channels)
    if block.attention is not None:
        block.attention.set_active(shape.out_channels, shape.attention)
    if block.downsample is not None:
        block.downsample.set_active(shape)


def _set_inverted_residual(block: ViPNASInvertedResidual, shape: BlockShape) -> None:
    """Choose the active part of an elastic inverted residual block."""
    mid = shape.mid_channels
    choose(block, has_shortcut=shape.keeps_shape)
    if block.expand_conv is not None:
        _set_conv_module(block.expand_conv, shape.in_channels, mid)
    _set_conv_module(block.depthwise_conv, mid, mid, shape.kernel, shape.groups)
    if block.se is not None:
        block.se.set_active(mid, shape.attention)
    _set_conv_module(block.linear_conv, mid, shape.out_channels)


def _set_conv_module(
    module: nn.Module, in_channels: int, out_channels: int, kernel: int = 1, groups: int = 1
) -> None:
    """Choose the active part of an elastic convolution with batch norm."""
    module.conv.set_active(in_channels, out_channels, kernel, groups)
    module.bn.set_active(out_channels)


def _project(block: Bottleneck) -> nn.Sequential:
    """Make the projection of a block that has none, because at its largest it needs none."""
    channels = block.conv1.in_channels
    return nn.Sequential(
        nn.Conv2d(channels, block.conv3.out_channels, 1, bias=False),
        nn.BatchNorm2d(block.conv3.out_channels),
    )


#: Class of a layer, block, backbone or head -> its elastic form.
VIPNAS_FORMS = MappingProxyType(
    {
        **LAYER_FORMS,
        ContextBlock: ElasticContextBlock,
        SqueezeExcitation: ElasticSqueezeExcitation,
        ViPNASResNet: ElasticResNet,
        ViPNASMobileNetV3: ElasticMobileNetV3,
        ViPNASHead: ElasticViPNASHead,
    }
)
