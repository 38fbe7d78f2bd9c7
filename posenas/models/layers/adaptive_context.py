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

__all__ = ['DenseContext', 'GlobalContext', 'pool_in_memory_order', 'pool_windows']


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


def pool_in_memory_order(x: Tensor, logits: Tensor, size: Size) -> Tensor:
    """Pool by runs of numbers in memory, as the release does.

    The softmax over all positions weighs runs of ``H * W / (h * w)`` numbers of the flattened map,
    so a "position" of the result mixes channels and pixels: published weights depend on it.

    Args:
        x: Maps (B, C, H, W).
        logits: Of the positions, (B, 1, H, W).
        size: (h, w), dividing (H, W).

    Returns:
        Pooled maps (B, C, h, w).
    """
    num_runs = size.numel()
    weights = logits.flatten(1).softmax(1)
    runs = x.reshape(len(x), num_runs, x.shape[1], -1)  # (B, h * w, C, run)
    pooled = runs @ weights.view(len(x), num_runs, -1, 1)  # (B, h * w, C, 1)
    return pooled.squeeze(3).transpose(1, 2).unflatten(2, size)


def pool_windows(x: Tensor, logits: Tensor, size: Size) -> Tensor:
    """Pool every window of (H / h, W / w) pixels by the softmax of its logits.

    Args:
        x: Maps (B, C, H, W).
        logits: Of the positions, (B, 1, H, W).
        size: (h, w), dividing (H, W).

    Returns:
        Pooled maps (B, C, h, w).
    """
    height, width = size

    def cut(maps: Tensor) -> Tensor:
        windows = maps.unflatten(3, (width, -1)).unflatten(2, (height, -1))
        return windows.transpose(3, 4).flatten(4)  # (B, C, h, w, pixels of a window)

    return (cut(x) * cut(logits).softmax(-1)).sum(-1)


#: How :class:`DenseContext` pools maps to the size of the smallest.
_POOLS = dict(reshape=pool_in_memory_order, window=pool_windows)


class DenseContext(nn.Module):
    """Dense context modelling: weigh all branches by a context at the lowest resolution.

    The last branch enters unpooled. Differs from the release: its unused mask ``conv_mask[-1]`` is
    kept for its name and frozen.

    Args:
        channels: Channels of each branch, from the largest map to the smallest.
        reduction: Sum of the channels divided by the hidden width.
        pool: 'reshape' reads maps as the release does, see :func:`pool_in_memory_order`; 'window'
            keeps places apart, see :func:`pool_windows`, for training from scratch.
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
        self.pool = pool
        self.channels = tuple(channels)
        self.conv_mask = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in channels)
        self.conv_mask[-1].requires_grad_(False)
        self.channel_attention = make_channel_attention(
            sum(channels), reduction, norm_cfg or dict(type='BN')
        )

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Weigh ``branches``, (B, C_i, H_i, W_i) each, where the last size divides all others."""
        *larger, smallest = branches
        pool, size = _POOLS[self.pool], smallest.shape[2:]
        context = [
            pool(x, mask(x), size) for x, mask in zip(larger, self.conv_mask[:-1], strict=True)
        ]
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
        self.channel_attention = make_channel_attention(channels, reduction, norm_cfg)
        self.bn = build_norm_layer(norm_cfg, channels)[1]

    def _weigh(self, x: Tensor) -> Tensor:
        weights = self.conv_mask(x).flatten(2).softmax(dim=-1)  # (B, 1, H * W)
        context = x.flatten(2) @ weights.transpose(1, 2)  # (B, C, 1)
        return self.bn(x * self.channel_attention(context[..., None]))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return checkpoint_module(self, self._weigh, x) if self.with_cp else self._weigh(x)
