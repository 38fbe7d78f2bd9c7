"""Branches of different resolution: how they begin, how they exchange what they know.

Sun et al., Deep High-Resolution Representation Learning for Human Pose Estimation, CVPR 2019,
section 3. Branch 0 is the finest; every further branch has half the resolution of the one before.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from mmcv.cnn import build_conv_layer, build_norm_layer
from torch import Tensor, nn

#: Enlargement of coarse branches as published.
NEAREST = MappingProxyType(dict(mode='nearest'))


def make_transition(
    prev_channels: Sequence[int],
    channels: Sequence[int],
    unit: Callable[[int, int, int], nn.Sequential],
) -> nn.ModuleList:
    """Make what leads from the branches of one stage to those of the next.

    Args:
        prev_channels: Channels of the branches before.
        channels: Channels of the branches after; at least as many.
        unit: Makes convolutions with activation from input channels, output channels and stride.

    Returns:
        One entry per branch after: None where a branch goes on as it is, one unit of stride 1 where
        its channels change, and for a new branch a ``Sequential`` of stride-2 units that starts at
        the last branch before; all but the last of them keep the channels.
    """
    transition: list[nn.Module | None] = []
    for i, out_channels in enumerate(channels):
        if i >= len(prev_channels):
            last = prev_channels[-1]
            steps = [unit(last, last, 2) for _ in range(i - len(prev_channels))]
            transition.append(nn.Sequential(*steps, unit(last, out_channels, 2)))
        elif out_channels != prev_channels[i]:
            transition.append(unit(prev_channels[i], out_channels, 1))
        else:
            transition.append(None)
    return nn.ModuleList(transition)


def run_transition(transition: nn.ModuleList, branches: Sequence[Tensor]) -> list[Tensor]:
    """Compute the branches behind a transition.

    Args:
        transition: Made by :func:`make_transition`.
        branches: Maps (B, C_i, H / 2 ** i, W / 2 ** i).

    Returns:
        One map per entry of ``transition``, in the same form.
    """
    outputs = []
    for i, layer in enumerate(transition):
        source = branches[min(i, len(branches) - 1)]
        outputs.append(source if layer is None else layer(source))
    return outputs


def make_fuse_layers(
    channels: Sequence[int],
    num_outputs: int,
    down_unit: Callable[[int, int, bool], nn.Sequential],
    conv_cfg: dict | None = None,
    norm_cfg: dict | None = None,
    upsample_cfg: Mapping = NEAREST,
) -> nn.ModuleList:
    """Make what brings every branch to the resolution and channels of every output.

    Args:
        channels: Channels of the branches.
        num_outputs: Outputs, the finest ones.
        down_unit: Makes convolutions of stride 2 from input channels, output channels and whether
            they are the last of their chain: all but the last end with an activation.
        conv_cfg: Convolution layer of the way up.
        norm_cfg: Normalisation layer of the way up; None is ``BN``.
        upsample_cfg: Arguments of ``nn.Upsample`` beside the factor.

    Returns:
        ``layers[i][j]`` leads from branch j to output i: None for i = j; for a coarser j a 1x1
        convolution, a norm and an enlargement; for a finer j a ``Sequential`` of i - j units, of
        which all but the last keep the channels.
    """

    def up(i: int, j: int) -> nn.Sequential:
        return nn.Sequential(
            build_conv_layer(conv_cfg, channels[j], channels[i], 1, bias=False),
            build_norm_layer(norm_cfg or dict(type='BN'), channels[i])[1],
            nn.Upsample(scale_factor=2 ** (j - i), **upsample_cfg),
        )

    def down(i: int, j: int) -> nn.Sequential:
        steps = [down_unit(channels[j], channels[j], False) for _ in range(i - j - 1)]
        return nn.Sequential(*steps, down_unit(channels[j], channels[i], True))

    def layer(i: int, j: int) -> nn.Sequential | None:
        if i == j:
            return None
        return up(i, j) if j > i else down(i, j)

    branches = range(len(channels))
    return nn.ModuleList(nn.ModuleList(layer(i, j) for j in branches) for i in range(num_outputs))
