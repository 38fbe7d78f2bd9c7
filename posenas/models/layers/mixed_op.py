"""Weighted sum of candidate operations, the edge of every cell that is still being searched."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import channel_shuffle, max_pool2d

from posenas.utils import ConfigError


class MixedOp(nn.Module):
    """Sum what several operations make of the same map, each with a weight handed in.

    Args:
        candidates: Column of the weights -> operation. Columns without one (pruned, or operations
            whose result is zero) add nothing.
        stride: Stride of all operations.
        num_shares: Divides the channels; the operations, which have so many fewer, see the first
            share, and the others go past them. Xu et al., PC-DARTS, ICLR 2020.
    """

    def __init__(
        self, candidates: Mapping[int, nn.Module], stride: int = 1, num_shares: int = 1
    ) -> None:
        super().__init__()
        self.ops = nn.ModuleDict({str(column): op for column, op in candidates.items()})
        self.stride, self.num_shares = stride, num_shares

    def forward(
        self, x: Tensor, weights: Tensor | None, columns: Sequence[int] | None = None
    ) -> Tensor:
        """Mix the operations.

        Args:
            x: Map (B, C, H, W).
            weights: One for each column, (O,); None weighs each 1.
            columns: Those that run; None is all.

        Returns:
            Sum of weights times results, (B, C, H / stride, W / stride); zeros without any
            operation.
        """
        if self.num_shares == 1:
            return self._mix(x, weights, columns)
        share = x.shape[1] // self.num_shares
        mixed = self._mix(x[:, :share], weights, columns)
        rest = x[:, share:]
        rest = rest if self.stride == 1 else max_pool2d(rest, 2, self.stride)
        return channel_shuffle(torch.cat([mixed, rest], dim=1), self.num_shares)

    def _mix(self, x: Tensor, weights: Tensor | None, columns: Sequence[int] | None) -> Tensor:
        run = self.ops if columns is None else [str(i) for i in columns if str(i) in self.ops]
        terms = [
            self.ops[column](x) if weights is None else weights[int(column)] * self.ops[column](x)
            for column in run
        ]
        if not terms:
            return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])
        return sum(terms[1:], start=terms[0])


def split_shares(channels: int, num_shares: int) -> int:
    """Return the channels that operations see.

    Raises:
        ConfigError: The channels cannot be split.
    """
    if channels % num_shares:
        raise ConfigError(
            f'the {channels} channels of a cell must be a multiple of partial_k, got {num_shares}'
        )
    return channels // num_shares
