"""Ways from features of stride 8 to heatmaps of stride 4."""

from collections.abc import Sequence
from math import pi, sqrt

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from posenas.models.layers.deconv import build_deconv_layers
from posenas.utils import ConfigError

#: Sum of a Gaussian of height 1 and the usual standard deviation, 2 heatmap pixels.
_GAUSSIAN_SUM = 2 * sqrt(2 * pi)


class ShuffleLayers(nn.Module):
    """A 1x1 convolution makes four heatmap pixels of each pixel of the feature.

    Shi et al., Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
    Convolutional Neural Network, CVPR 2016, section 3.2.

    Args:
        in_channels: Channels of the feature.
        out_channels: Heatmaps K.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.final_layer = nn.Conv2d(in_channels, 4 * out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to heatmaps (B, K, 2 H, 2 W)."""
        return F.pixel_shuffle(self.final_layer(x), 2)


class DeconvLayers(nn.Module):
    """A transposed 4x4 convolution doubles the size, a 1x1 convolution makes the heatmaps.

    Args:
        in_channels: Channels of the feature.
        width: Channels between the two.
        out_channels: Heatmaps K.
    """

    def __init__(self, in_channels: int, width: int, out_channels: int) -> None:
        super().__init__()
        self.deconv_layers = build_deconv_layers(in_channels, [width], [4])
        self.final_layer = nn.Conv2d(width, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to heatmaps (B, K, 2 H, 2 W)."""
        return self.final_layer(self.deconv_layers(x))


class CoordinateProduct(nn.Module):
    """Classify x and y of each keypoint; the heatmap is the product of both distributions.

    After Li et al., SimCC: A Simple Coordinate Classification Perspective for Human Pose
    Estimation, ECCV 2022, section 3. Differs from the paper: one bin per heatmap pixel, and the
    product in place of two vectors, so the same targets, losses and codecs serve as for other
    heads. A Gaussian is such a product.

    Args:
        size: (width, height) of the maps that it reads; heatmaps are twice as large.
    """

    def __init__(self, size: Sequence[int]) -> None:
        super().__init__()
        width, height = size
        self.linear_x = nn.Linear(width * height, 2 * width)
        self.linear_y = nn.Linear(width * height, 2 * height)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, K, H, W) to heatmaps (B, K, 2 H, 2 W)."""
        maps = x.flatten(2)  # (B, K, H * W)
        across = self.linear_x(maps).softmax(-1) * _GAUSSIAN_SUM  # (B, K, 2 W)
        down = self.linear_y(maps).softmax(-1) * _GAUSSIAN_SUM  # (B, K, 2 H)
        return down[..., None] * across[:, :, None]


class SimCCLayers(nn.Module):
    """A 1x1 convolution makes a map of each keypoint, a :class:`CoordinateProduct` its heatmap.

    Args:
        in_channels: Channels of the feature.
        out_channels: Heatmaps K.
        heatmap_size: (width, height) of the heatmaps; each even.

    Raises:
        ConfigError: ``heatmap_size`` is missing or odd.
    """

    def __init__(
        self, in_channels: int, out_channels: int, heatmap_size: Sequence[int] | None
    ) -> None:
        super().__init__()
        if heatmap_size is None or any(side % 2 for side in heatmap_size):
            raise ConfigError(
                "a head of kind 'simcc' must know the size of its heatmaps, two even numbers, got "
                f'{heatmap_size}: set head.decoder or head.heatmap_size'
            )
        self.final_layer = nn.Conv2d(in_channels, out_channels, 1)
        self.product = CoordinateProduct([side // 2 for side in heatmap_size])

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to heatmaps (B, K, 2 H, 2 W)."""
        return self.product(self.final_layer(x))
