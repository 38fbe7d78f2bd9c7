"""Adaptive context modelling: channels weighted by context from other branches or the whole map.

Li et al., Dite-HRNet: Dynamic Lightweight High-Resolution Network for Human Pose Estimation, IJCAI
2022, section 3. Attributes that hold parameters keep the release's names.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from mmcv.cnn import build_norm_layer
from torch import Size, Tensor, nn

from posenas.models.layers.checkpointing import checkpoint_module
from posenas.utils import check_choice


def make_channel_attention(channels: int, reduction: int, norm_cfg: dict) -> nn.Sequential:
    """Make the perceptron from contexts (B, C, H, W) to factors in (0, 1) of the same shape."""
    width = max(1, channels // reduction)
    return nn.Sequential(
        nn.Conv2d(channels, width, 1, bias=False),
        build_norm_layer(norm_cfg, width)[1],
        nn.ReLU(inplace=True),
        nn.Conv2d(width, channels, 1),
        nn.Sigmoid(),
    )


class MemoryOrderPool(nn.Module):
    """Pool runs of numbers in memory, as the release does.

    The softmax over all positions weighs runs of ``H * W / (h * w)`` numbers of the flattened map,
    so a "position" of the result mixes channels and pixels: published weights depend on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x: Tensor, logits: Tensor, size: Size) -> Tensor:
        """Pool maps ``x`` (B, C, H, W) by ``logits`` (B, 1, H, W) of their positions.

        Returns:
            Maps (B, C, h, w) of this ``size``, which divides (H, W).
        """
        num_runs = size.numel()
        weights = self.softmax(logits.flatten(1))
        runs = x.reshape(len(x), num_runs, x.shape[1], -1)  # (B, h * w, C, run)
        pooled = runs @ weights.view(len(x), num_runs, -1, 1)  # (B, h * w, C, 1)
        return pooled.squeeze(3).transpose(1, 2).unflatten(2, size)


class WindowPool(nn.Module):
    """Pool windows of neighbouring pixels, each by a softmax of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x: Tensor, logits: Tensor, size: Size) -> Tensor:
        """Pool maps as :class:`MemoryOrderPool` does, with the same shapes."""
        weights = self.softmax(_cut_windows(logits, size))
        return (_cut_windows(x, size) * weights).sum(-1)


def _cut_windows(x: Tensor, size: Size) -> Tensor:
    """Cut maps (B, C, H, W) into windows: (B, C, h, w, pixels of a window)."""
    height, width = size
    windows = x.unflatten(3, (width, -1)).unflatten(2, (height, -1))
    return windows.transpose(3, 4).flatten(4)


#: How :class:`DenseContext` pools maps to the size of the smallest.
_POOLS = dict(reshape=MemoryOrderPool, window=WindowPool)


class DenseContext(nn.Module):
    """Dense context modelling: weigh all branches by a context at the lowest resolution.

    The last branch enters unpooled. Differs from the release: its unused mask ``conv_mask[-1]`` is
    kept for its name and frozen.

    Args:
        channels: Channels of each branch, from the largest map to the smallest.
        reduction: Sum of the channels divided by the hidden width.
        pool: 'reshape' is the release's :class:`MemoryOrderPool`; 'window' is :class:`WindowPool`,
            which keeps places apart, for training from scratch.
        norm_cfg: Normalisation layer; None is ``BN``.

    Raises:
        ValueError: ``pool`` is unknown.
    """

    def __init__(
        self,
        channels: Sequence[int],
        reduction: int = 8,
        pool: str = 'reshape',
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        check_choice('dcm_pool', pool, _POOLS)
        self.pool = _POOLS[pool]()
        self.channels = tuple(channels)
        self.conv_mask = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in channels)
        self.conv_mask[-1].requires_grad_(False)
        self.channel_attention = make_channel_attention(
            sum(channels), reduction, norm_cfg or dict(type='BN')
        )

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Weigh ``branches``, (B, C_i, H_i, W_i) each, where the last size divides all others."""
        *larger, smallest = branches
        size, masks = smallest.shape[2:], self.conv_mask[:-1]
        context = [self.pool(x, mask(x), size) for x, mask in zip(larger, masks, strict=True)]
        factors = self.channel_attention(torch.cat([*context, smallest], dim=1))
        *upsampled, own = factors.split(self.channels, dim=1)
        weighted = [
            x * F.interpolate(factor, size=x.shape[2:], mode='nearest')
            for x, factor in zip(larger, upsampled, strict=True)
        ]
        return [*weighted, smallest * own]


class GlobalContext(nn.Module):
    """Global context modelling: weigh channels by an attention-weighted mean over all positions.

    Args:
        channels: Channels C of the map.
        reduction: C divided by the hidden width.
        norm_cfg: Normalisation layer; None is ``BN``.
        with_cp: Whether to recompute in the backward pass to save memory.
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 4,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        norm_cfg = norm_cfg or dict(type='BN')
        self.with_cp = with_cp
        self.conv_mask = nn.Conv2d(channels, 1, 1)
        self.softmax = nn.Softmax(dim=-1)
        self.channel_attention = make_channel_attention(channels, reduction, norm_cfg)
        self.bn = build_norm_layer(norm_cfg, channels)[1]

    def _weigh(self, x: Tensor) -> Tensor:
        weights = self.softmax(self.conv_mask(x).flatten(2))  # (B, 1, H * W)
        context = x.flatten(2) @ weights.transpose(1, 2)  # (B, C, 1)
        return self.bn(x * self.channel_attention(context[..., None]))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return checkpoint_module(self, self._weigh, x) if self.with_cp else self._weigh(x)
