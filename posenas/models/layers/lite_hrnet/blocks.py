"""Blocks of Lite-HRNet: conditional channel weighting, modules of branches, the stem.

Yu et al., Lite-HRNet: A Lightweight High-Resolution Network, CVPR 2021, section 3. Attributes that
hold parameters keep the release's names.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from posenas.models.layers.attention import ChannelWeighting
from posenas.models.layers.checkpointing import checkpoint_module
from posenas.models.layers.exchange import ExchangeModule
from posenas.models.layers.shuffle import (
    ShuffleUnit,
    make_depthwise,
    make_pointwise,
    shuffle_channels,
)
from posenas.utils import check_choice

_SIGMOID = dict(type='Sigmoid')


class CrossResolutionWeighting(nn.Module):
    """Weigh channels of all branches by a perceptron on their means at the lowest resolution.

    Args:
        channels: Channels C_i of each branch, the largest map first.
        reduction: Sum of the channels divided by the hidden width.
        cfg: ``conv_cfg`` and ``norm_cfg``.
    """

    def __init__(self, channels: Sequence[int], reduction: int, cfg: dict) -> None:
        super().__init__()
        self.channels = tuple(channels)
        total = sum(channels)
        width = int(total / reduction)
        self.conv1 = make_pointwise(total, width, cfg)
        self.conv2 = make_pointwise(width, total, cfg, _SIGMOID)

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Weigh ``branches``, (B, C_i, H_i, W_i) each."""
        *larger, smallest = branches
        size = smallest.shape[2:]
        context = [F.adaptive_avg_pool2d(x, size) for x in larger]
        factors = self.conv2(self.conv1(torch.cat([*context, smallest], dim=1)))
        *upsampled, own = factors.split(self.channels, dim=1)
        weighted = [
            x * F.interpolate(factor, size=x.shape[2:], mode='nearest')
            for x, factor in zip(larger, upsampled, strict=True)
        ]
        return [*weighted, smallest * own]


class ConditionalChannelWeighting(nn.Module):
    """Weigh half of the channels of all branches together, then filter and weigh each by itself.

    The other half passes unchanged; channels of both alternate at the end.

    Args:
        channels: Even channels C_i of each branch, the largest map first.
        reduction: See :class:`CrossResolutionWeighting`.
        cfg: ``conv_cfg`` and ``norm_cfg``.
        with_cp: Whether to recompute filters in the backward pass to save memory.
    """

    def __init__(
        self, channels: Sequence[int], reduction: int, cfg: dict, with_cp: bool = False
    ) -> None:
        super().__init__()
        halves = [width // 2 for width in channels]
        self.cross_resolution_weighting = CrossResolutionWeighting(halves, reduction, cfg)
        self.depthwise_convs = nn.ModuleList(make_depthwise(width, 1, cfg) for width in halves)
        self.spatial_weighting = nn.ModuleList(ChannelWeighting(width, 4) for width in halves)
        self.with_cp = with_cp

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Map all branches, (B, C_i, H_i, W_i) each, to the same shapes."""
        kept, changed = zip(*(x.chunk(2, dim=1) for x in branches), strict=True)
        changed = self.cross_resolution_weighting(changed)
        paths = zip(kept, changed, self.depthwise_convs, self.spatial_weighting, strict=True)
        outputs = []
        for same, x, conv, weighting in paths:
            x = checkpoint_module(conv, conv, x) if self.with_cp else conv(x)
            outputs.append(shuffle_channels(torch.cat([same, weighting(x)], dim=1), 2))
        return outputs


class _PerBranch(nn.ModuleList):
    """One module for each branch."""

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Map all branches, (B, C_i, H_i, W_i) each, to the same shapes."""
        return [layers(x) for layers, x in zip(self, branches, strict=True)]


class LiteModule(ExchangeModule):
    """Blocks on parallel branches, then an exchange between all of them.

    As in Dite-HRNet, branch 0 counts twice everywhere, and the others receive it after its own sum;
    here before that is rectified.

    Args:
        channels: Even channels C_i of each branch, the largest map first.
        num_blocks: Blocks.
        module_type: 'LITE' or 'NAIVE', in any case: conditional channel weighting, or shuffle
            units.
        reduction: See :class:`CrossResolutionWeighting`; 'NAIVE' has none.
        with_fuse: See :class:`ExchangeModule`.
        num_outputs: See :class:`ExchangeModule`.
        fuse_mode: See :class:`ExchangeModule`.
        conv_cfg: Convolution layer.
        norm_cfg: Normalisation layer.
        with_cp: Whether to recompute filters in the backward pass to save memory.

    Raises:
        ValueError: ``module_type`` or ``fuse_mode`` is unknown.
    """

    def __init__(
        self,
        channels: Sequence[int],
        num_blocks: int,
        module_type: str,
        reduction: int,
        with_fuse: bool = True,
        num_outputs: int | None = None,
        fuse_mode: str = 'legacy',
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
    ) -> None:
        check_choice('module_type', str(module_type).upper(), ('LITE', 'NAIVE'))
        cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        if module_type.upper() == 'LITE':
            layers = nn.Sequential(
                *(
                    ConditionalChannelWeighting(channels, reduction, cfg, with_cp)
                    for _ in range(num_blocks)
                )
            )
        else:
            layers = _PerBranch(
                nn.Sequential(*(ShuffleUnit(width, cfg, with_cp) for _ in range(num_blocks)))
                for width in channels
            )
        super().__init__(
            layers, channels, with_fuse, fuse_mode, num_outputs, sends_rectified=False, **cfg
        )


class LiteStem(nn.Module):
    """Reduce images to stride 4 on two paths, one of them narrow.

    Args:
        in_channels: Channels of the images.
        channels: Even channels of the first convolution.
        out_channels: Channels C of the output; at least ``channels``.
        expand_ratio: Inner width of the second path, divided by ``channels``.
        cfg: ``conv_cfg`` and ``norm_cfg``.
        with_cp: Whether to recompute the paths in the backward pass to save memory.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        out_channels: int,
        expand_ratio: float,
        cfg: dict,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        half, middle = channels // 2, round(channels * expand_ratio)
        right = half if out_channels == channels else channels
        self.conv1 = ConvModule(in_channels, channels, 3, stride=2, padding=1, **cfg)
        self.branch1 = nn.Sequential(
            make_depthwise(half, 2, cfg), make_pointwise(half, out_channels - right, cfg)
        )
        self.expand_conv = make_pointwise(half, middle, cfg)
        self.depthwise_conv = make_depthwise(middle, 2, cfg)
        self.linear_conv = make_pointwise(middle, right, cfg)
        self.with_cp = with_cp

    def _run_paths(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=1)
        right = self.linear_conv(self.depthwise_conv(self.expand_conv(right)))
        return shuffle_channels(torch.cat([self.branch1(left), right], dim=1), 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, in_channels, H, W) to (B, C, H / 4, W / 4)."""
        x = self.conv1(x)
        return checkpoint_module(self, self._run_paths, x) if self.with_cp else self._run_paths(x)
