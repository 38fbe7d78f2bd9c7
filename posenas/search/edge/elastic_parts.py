"""Stages, neck and head of networks for inference engines whose size is chosen for every pass."""

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from posenas.genotype import ConvShape, EdgePlan, StagePlan
from posenas.models import EdgeHead, EdgeNet, TopDownFusion
from posenas.models.heads.base import Features
from posenas.models.layers.edge.blocks import EdgeStage, make_blocks
from posenas.search.elastic import LAYER_FORMS, adopt, choose


class WholeLinear(nn.Linear):
    """Linear layer that no architecture changes.

    Args:
        linear: The layer, whose parameters are taken over.
    """

    def __init__(self, linear: nn.Linear) -> None:
        adopt(self, linear)

    def effective_state(self) -> dict[str, Tensor]:
        """Return the entries of its state dict."""
        return dict(weight=self.weight, bias=self.bias)


class ElasticEdgeStage(EdgeStage):
    """Stage of any kind of blocks and of any size up to the largest.

    Args:
        plans: Kind of blocks -> the largest stage of it.
    """

    def __init__(self, plans: Mapping[str, StagePlan]) -> None:
        super().__init__(next(iter(plans.values())))
        self.blocks = nn.ModuleDict({kind: make_blocks(plan) for kind, plan in plans.items()})
        self.active = next(iter(plans)), 1

    def set_active(self, plan: StagePlan) -> None:
        """Choose the active part."""
        choose(self, active=(plan.kind, plan.depth))
        _set_conv(self.down, plan.down)
        for block in islice(self.blocks[plan.kind], plan.depth):
            for conv, shape in zip(block.convs, plan.block, strict=True):
                _set_conv(conv, shape)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, width, H / 2, W / 2)."""
        x = self.down(x)
        kind, depth = self.active
        for block in islice(self.blocks[kind], depth):
            x = block(x)
        return x


class ElasticEdgeNet(EdgeNet):
    """Backbone of any size up to the largest, with two or three stages.

    Args:
        stem_width: Channels of the largest stem.
        stages: For each stage the largest plan of every kind of its blocks.
    """

    def __init__(self, stem_width: int, stages: tuple[Mapping[str, StagePlan], ...]) -> None:
        super().__init__(stem_width, [])
        self.stages = nn.ModuleList(map(ElasticEdgeStage, stages))
        self.num_active = len(stages)

    def set_active(self, plan: EdgePlan) -> None:
        """Choose the active part."""
        for conv, shape in zip(self.stem, plan.stem, strict=True):
            _set_conv(conv, shape)
        choose(self, num_active=len(plan.stages))
        for stage, shape in zip(self.stages, plan.stages, strict=False):
            stage.set_active(shape)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features as the active :class:`EdgeNet` does."""
        x = self.stem(x)
        features = []
        for stage in islice(self.stages, self.num_active):
            x = stage(x)
            features.append(x)
        return tuple(features)


class ElasticEdgeHead(EdgeHead):
    """Head of any of several kinds and of any width up to the largest.

    Args:
        head: The largest head of some kind; its settings are taken over.
        widths: Kind -> its largest width, 0 where it has none.
    """

    def __init__(self, head: EdgeHead, widths: Mapping[str, int]) -> None:
        adopt(self, head)
        self.layers = nn.ModuleDict(
            {kind: self.make_layers(kind, width) for kind, width in widths.items()}
        )

    def set_active(self, plan: EdgePlan) -> None:
        """Choose the active part."""
        choose(self, kind=plan.head, in_channels=plan.fusion)
        layers = self.layers[plan.head]
        inputs = plan.fusion
        if plan.head == 'deconv':
            conv, norm, _ = layers.deconv_layers
            conv.set_active(plan.fusion, plan.head_width, 4, 1)
            norm.set_active(plan.head_width)
            inputs = plan.head_width
        layers.final_layer.set_active(inputs, layers.final_layer.out_channels)

    def forward(self, feats: Features) -> Tensor:
        """Compute heatmaps (B, out_channels, 2 H, 2 W) from the last of ``feats``."""
        return self.layers[self.kind](feats[-1])


def set_fusion(neck: TopDownFusion, plan: EdgePlan) -> None:
    """Choose the active part of a neck of elastic layers."""
    width, scales = plan.fusion, len(plan.stages)
    for lateral, stage in zip(neck.laterals, plan.stages, strict=False):
        _set_conv(lateral, ConvShape(stage.width, width))
    for i in range(scales - 1):
        _set_conv(neck.reductions[i], ConvShape(width, width))
        _set_conv(neck.smoothings[i], ConvShape(width, width, 3))


def _set_conv(module: ConvModule, shape: ConvShape) -> None:
    """Choose the active part of an elastic convolution with batch norm."""
    module.conv.set_active(shape.in_channels, shape.out_channels, shape.kernel, shape.groups)
    module.bn.set_active(shape.out_channels)


#: Class of a layer -> its elastic form.
EDGE_FORMS = MappingProxyType({**LAYER_FORMS, nn.Linear: WholeLinear})
