"""Attention blocks inside convolutional networks."""

import torch.nn.functional as F  # noqa: N812
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from posenas.genotype import context_planes


class ContextBlock(nn.Module):
    """Add one vector per image, computed from an attention-weighted mean over all positions.

    After Cao et al., GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond, ICCVW
    2019, figure 4; attention pooling and additive fusion, the form ViPNAS uses.

    Args:
        channels: Channels C of the map.
        ratio: Squeezed width divided by C; None is ViPNAS's, see
            :func:`~posenas.genotype.context_planes`.
    """

    def __init__(self, channels: int, ratio: float | None = None) -> None:
        super().__init__()
        planes = context_planes(channels) if ratio is None else int(channels * ratio)
        if planes < 1:
            raise ValueError(f'channels * ratio must be at least 1, got {channels} * {ratio}')
        self.conv_mask = nn.Conv2d(channels, 1, 1)
        self.channel_add_conv = nn.Sequential(
            nn.Conv2d(channels, planes, 1),
            nn.LayerNorm([planes, 1, 1]),
            nn.ReLU(inplace=True),
            nn.Conv2d(planes, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (B, C, H, W) plus the context of each image."""
        weights = self.conv_mask(x).flatten(2).softmax(dim=-1)  # (B, 1, H * W)
        context = x.flatten(2) @ weights.transpose(1, 2)  # (B, C, 1)
        return x + self.channel_add_conv(context[..., None])


class SqueezeExcitation(nn.Module):
    """Scale every channel by a number in [0, 1], computed from the means of all channels.

    Hu et al., Squeeze-and-Excitation Networks, CVPR 2018. The scale is ``clamp((y + 1) / 2, 0, 1)``
    as in ViPNAS and the mmcv of its time; PyTorch's ``hardsigmoid`` is ``(y + 3) / 6``.

    Args:
        channels: Channels C of the map.
        squeezed: Hidden width.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        if squeezed < 1:
            raise ValueError(
                f'squeezed must be at least 1, got {squeezed} for {channels} channels: use at '
                'least 4 channels or no attention'
            )
        self.conv1 = ConvModule(channels, squeezed, 1)
        self.conv2 = ConvModule(squeezed, channels, 1, act_cfg=None)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (B, C, H, W) with its channels scaled."""
        scale = self.conv2(self.conv1(F.adaptive_avg_pool2d(x, 1)))  # (B, C, 1, 1)
        return x * ((scale + 1) / 2).clamp(0, 1)


class ChannelWeighting(nn.Module):
    """Scale every channel by a sigmoid of the means of all channels.

    Hu et al., Squeeze-and-Excitation Networks, CVPR 2018.

    Args:
        channels: Channels C of the map.
        reduction: C divided by the hidden width.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        squeezed = channels // reduction
        if squeezed < 1:
            raise ValueError(f'reduction must be at most the channels, {channels}, got {reduction}')
        self.conv1 = ConvModule(channels, squeezed, 1)
        self.conv2 = ConvModule(squeezed, channels, 1, act_cfg=dict(type='Sigmoid'))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (B, C, H, W) with its channels scaled."""
        return x * self.conv2(self.conv1(F.adaptive_avg_pool2d(x, 1)))
