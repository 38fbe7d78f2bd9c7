"""Weighted sum of candidate operations, the edge of every cell that is still being searched."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

__all__ = ['MixedOp']


class MixedOp(nn.Module):
    """Sum what several operations make of the same map, each with a weight handed in.

    Args:
        candidates: Column of the weights -> operation. Columns without one (pruned, or operations
            whose result is zero) add nothing.
    """

    def __init__(self, candidates: Mapping[int, nn.Module]) -> None:
        super().__init__()
        self.ops = nn.ModuleDict({str(column): op for column, op in candidates.items()})

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Mix the operations.

        Args:
            x: Map (B, C, H, W).
            weights: One for each column, (O,).

        Returns:
            Sum of weights times results; zeros of the shape of ``x`` without any operation.
        """
        terms = [weights[int(column)] * op(x) for column, op in self.ops.items()]
        return sum(terms[1:], start=terms[0]) if terms else torch.zeros_like(x)
