"""Narrow residual network of dense 3x3 convolutions, which engines on CPUs run well."""

from collections.abc import Sequence
from itertools import pairwise

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.layers.initialization import KAIMING_INIT
from posenas.models.layers.residual import BasicBlock, make_residual_layer
from posenas.registry import MODELS
from posenas.utils import ConfigError
from posenas.utils.checks import check_stages


@MODELS.register_module()
class LightResNet(BaseModule):
    """Two strided 3x3 convolutions, then stages of basic blocks at strides 8, 16 and so on.

    Differs from He et al., Deep Residual Learning for Image Recognition, CVPR 2016: no 7x7
    convolution, no pooling and no blocks at stride 4, where most of the cost of a narrow network
    would lie, and free widths and depths.

    Args:
        stem_channels: Channels after the first and after the second convolution.
        channels: Channels of each stage.
        num_blocks: Blocks of each stage.
        out_indices: Stages whose features are returned, in this order; None returns all.
        init_cfg: Initialisation; None draws convolutions by He's rule and sets norms to 1.

    Raises:
        ConfigError: ``num_blocks`` and ``channels`` have different lengths.
    """

    def __init__(
        self,
        stem_channels: Sequence[int] = (16, 32),
        channels: Sequence[int] = (48, 80, 96),
        num_blocks: Sequence[int] = (2, 2, 2),
        out_indices: Sequence[int] | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(KAIMING_INIT if init_cfg is None else init_cfg)
        if len(num_blocks) != len(channels):
            raise ConfigError(
                f'num_blocks must have one entry for each of the {len(channels)} stages, got '
                f'{tuple(num_blocks)}'
            )
        self.out_indices = tuple(range(len(channels)) if out_indices is None else out_indices)
        check_stages(self.out_indices, len(channels))
        self.stem = nn.Sequential(
            *(
                ConvModule(inputs, outputs, 3, stride=2, padding=1, norm_cfg=dict(type='BN'))
                for inputs, outputs in pairwise((3, *stem_channels))
            )
        )
        widths = pairwise((stem_channels[-1], *channels))
        self.stages = nn.ModuleList(
            make_residual_layer(BasicBlock, inputs, outputs, blocks, stride=2)
            for (inputs, outputs), blocks in zip(widths, num_blocks, strict=True)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, 3, H, W).

        Returns:
            For each index i features (B, channels[i], H / 2 ** (i + 3), W / 2 ** (i + 3)).
        """
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return tuple(features[i] for i in self.out_indices)
