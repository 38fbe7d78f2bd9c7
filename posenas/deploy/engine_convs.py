"""Convolutions and attention as inference engines run them fastest; the numbers stay.

Engines have fast code for depthwise convolutions and for groups of at least eight channels, none
for groups of two to seven, and slow code for grouped transposed convolutions.
"""

import copy

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from posenas.models.layers.attention import SqueezeExcitation

#: Channels of a vector of an engine: narrower groups are slow.
_VECTOR = 8
#: Widest groups that are summed up of depthwise convolutions.
_NARROW = 3
#: Positions of the kernel of a transposed convolution (4, stride 2, padding 1) that reach an even
#: and an odd row of the result, from the row before and the row itself.
_TAPS = ((2, 0), (3, 1))


def rewrite_conv(conv: nn.Conv2d) -> nn.Module:
    """Return the form of a convolution of narrow groups; any other is returned as it is."""
    width = conv.in_channels // conv.groups
    is_square = conv.in_channels == conv.out_channels and conv.padding_mode == 'zeros'
    if width == 1 or conv.groups == 1 or not is_square:
        return conv
    if width <= _NARROW:
        return DepthwiseSum(conv)
    joined, rest = divmod(_VECTOR, width)
    return _join_groups(conv, joined) if joined > 1 and not rest | conv.groups % joined else conv


def _join_groups(conv: nn.Conv2d, number: int) -> nn.Conv2d:
    """Make one group of every ``number`` of them; the weights between them are 0."""
    width = conv.in_channels // conv.groups
    joined = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        conv.stride,
        conv.padding,
        conv.dilation,
        conv.groups // number,
        conv.bias is not None,
    ).eval()
    parts = conv.weight.detach().unflatten(0, (-1, number, width))  # (G, number, out, in, k, k)
    weight = parts.new_zeros(len(parts), number, width, number, width, *conv.kernel_size)
    for i in range(number):
        weight[:, i, :, i] = parts[:, i]
    joined.weight = nn.Parameter(weight.flatten(3, 4).flatten(0, 2), requires_grad=False)
    joined.bias = conv.bias
    return joined


class DepthwiseSum(nn.Module):
    """Grouped convolution as a sum of depthwise ones, each of channels shifted within the groups.

    Exact: an output channel of a group reads every channel of the group once.

    Args:
        conv: Convolution of as many output as input channels.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        channels, width = conv.in_channels, conv.in_channels // conv.groups
        place = torch.arange(channels)
        orders, kernels = [], []
        for shift in range(width):
            within = (place + shift) % width
            orders.append(place - place % width + within)
            kernels.append(conv.weight.detach()[place, within].unsqueeze(1))
        self.orders = nn.ParameterList(nn.Parameter(o, requires_grad=False) for o in orders[1:])
        self.kernels = nn.ParameterList(nn.Parameter(k, requires_grad=False) for k in kernels)
        self.bias, self.settings = conv.bias, (conv.stride, conv.padding, conv.dilation, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, H / stride, W / stride)."""
        total = F.conv2d(x, self.kernels[0], self.bias, *self.settings)
        for order, kernel in zip(self.orders, self.kernels[1:], strict=True):
            total = total + F.conv2d(x.index_select(1, order), kernel, None, *self.settings)
        return total


class HalvedExcitation(nn.Module):
    """Squeeze and excitation whose scale is already between 0 and 1 where nothing is clamped.

    Exact: (y + 1) / 2 is another 1x1 convolution.

    Args:
        block: Block of the published form.
    """

    def __init__(self, block: SqueezeExcitation) -> None:
        super().__init__()
        self.conv1, self.conv2 = block.conv1, copy.deepcopy(block.conv2.conv)
        with torch.no_grad():
            self.conv2.weight.div_(2)
            self.conv2.bias.add_(1).div_(2)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (B, C, H, W) with its channels scaled."""
        means = x.mean((2, 3), keepdim=True)
        return x * self.conv2(self.conv1(means)).clamp(0, 1)


class EnlargingHead(nn.Module):
    """Transposed convolution, ReLU and 1x1 convolution before the enlarged map is put together.

    Exact: the four neighbours that a pixel becomes are convolutions with a quarter of the kernel
    each, the 1x1 convolution reads no neighbours, so only its few maps are interleaved.

    Args:
        deconv: Grouped transposed convolution of kernel 4, stride 2 and padding 1.
        final: 1x1 convolution.
    """

    def __init__(self, deconv: nn.ConvTranspose2d, final: nn.Conv2d) -> None:
        super().__init__()
        self.groups, self.final = deconv.groups, final
        weight = deconv.weight.detach().unflatten(0, (deconv.groups, -1)).transpose(1, 2)
        parts = [weight[..., rows, :][..., cols] for rows in _TAPS for cols in _TAPS]
        self.kernels = nn.ParameterList(
            nn.Parameter(part.flatten(0, 1), requires_grad=False) for part in parts
        )
        self.bias = deconv.bias

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, K, 2 * H, 2 * W)."""
        corners = [
            self.final(F.conv2d(x, kernel, self.bias, padding=1, groups=self.groups).relu())
            for kernel in self.kernels
        ]  # each (B, K, H + 1, W + 1)
        joined = torch.stack(corners, 2).flatten(1, 2)  # (B, K * 4, H + 1, W + 1)
        return F.pixel_shuffle(joined, 2)[:, :, 1:-1, 1:-1]


def can_enlarge(deconv: nn.Module, final: nn.Module) -> bool:
    """Tell whether two layers with a ReLU between them have the form of :class:`EnlargingHead`."""
    return (
        type(deconv) is nn.ConvTranspose2d
        and deconv.groups > 1
        and (deconv.kernel_size, deconv.stride, deconv.padding) == ((4, 4), (2, 2), (1, 1))
        and (deconv.output_padding, deconv.dilation) == ((0, 0), (1, 1))
        and type(final) is nn.Conv2d
        and (final.kernel_size, final.stride, final.groups) == ((1, 1), (1, 1), 1)
    )
