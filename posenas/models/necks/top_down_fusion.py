"""Features of several scales, brought to the finest one."""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.layers.initialization import KAIMING_INIT
from posenas.registry import MODELS
from posenas.utils import ConfigError


@MODELS.register_module()
class TopDownFusion(BaseModule):
    """Add features from the coarsest to the finest, with a 3x3 convolution after each sum.

    Source: Lin et al., Feature Pyramid Networks for Object Detection, CVPR 2017, section 3.
    Differs from the paper: widths differ by scale, so that the fine ones stay cheap, and only the
    finest result is returned.

    Args:
        in_channels: Channels of the features, finest first.
        channels: Channels of the sums at each scale, finest first.
        init_cfg: Initialisation; None draws convolutions by He's rule and sets norms to 1.

    Raises:
        ConfigError: The lists differ in length, or name fewer than two features.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: Sequence[int],
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(KAIMING_INIT if init_cfg is None else init_cfg)
        if len(in_channels) != len(channels) or len(channels) < 2:
            raise ConfigError(
                'in_channels and channels must name the same two or more features, got '
                f'{tuple(in_channels)} and {tuple(channels)}'
            )
        norm_cfg = dict(type='BN')
        plain = dict(norm_cfg=norm_cfg, act_cfg=None)
        self.laterals = nn.ModuleList(
            ConvModule(inputs, width, 1, **plain)
            for inputs, width in zip(in_channels, channels, strict=True)
        )
        self.reductions = nn.ModuleList(
            ConvModule(coarse, fine, 1, **plain) for fine, coarse in pairwise(channels)
        )
        self.smoothings = nn.ModuleList(
            ConvModule(width, width, 3, padding=1, norm_cfg=norm_cfg) for width in channels[:-1]
        )

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor]:
        """Fuse ``feats``, each (B, in_channels[i], H / 2 ** i, W / 2 ** i).

        Returns:
            Features (B, channels[0], H, W).
        """
        last = len(feats) - 1
        x = self.laterals[last](feats[last]).relu()
        for i in reversed(range(last)):
            lateral = self.laterals[i](feats[i])
            coarse = F.interpolate(self.reductions[i](x), lateral.shape[-2:], mode='nearest')
            x = self.smoothings[i](lateral + coarse)
        return (x,)
