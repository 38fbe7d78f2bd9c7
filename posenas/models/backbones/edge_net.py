"""Backbone of blocks that inference engines run well; networks of it are searched."""

from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.genotype import StagePlan, make_stem
from posenas.models.layers.edge.blocks import EdgeStage, make_conv
from posenas.models.layers.initialization import KAIMING_INIT
from posenas.registry import MODELS


@MODELS.register_module()
class EdgeNet(BaseModule):
    """Two strided 3x3 convolutions, then stages of residual blocks at strides 8, 16 and so on.

    The space of these networks is :class:`posenas.search.EdgeSpace`. Kinds of blocks are those
    that cost least per multiply-accumulate in OpenVINO and ONNX Runtime, by a table of blocks that
    ``posenas benchmark blocks`` measures.

    Args:
        stem_width: Channels behind the second convolution; the first has half of them.
        stages: For each stage ``kind`` ('dense', 'fused' or 'inverted'), ``width``, ``depth``
            (blocks), ``expand`` and ``kernel``; see :class:`posenas.genotype.StagePlan`.
        init_cfg: Initialisation; None draws convolutions by He's rule and sets norms to 1.
    """

    def __init__(
        self,
        stem_width: int,
        stages: Sequence[Mapping],
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(KAIMING_INIT if init_cfg is None else init_cfg)
        self.stem = nn.Sequential(*map(make_conv, make_stem(stem_width)))
        widths = [stem_width, *(stage['width'] for stage in stages)]
        self.stages = nn.ModuleList(
            EdgeStage(StagePlan(channels, **stage))
            for channels, stage in zip(widths, stages, strict=False)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, 3, H, W).

        Returns:
            For each stage i features (B, width, H / 2 ** (i + 3), W / 2 ** (i + 3)).
        """
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return tuple(features)
