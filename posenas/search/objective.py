"""What architecture parameters minimise beside the loss, and how settings change in a search."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from posenas.utils import check_choice, check_positive


def entropy(weights: Iterable[Tensor]) -> Tensor:
    """Return how even weights are: the mean over rows of their entropy over its largest value.

    Args:
        weights: Arrays (..., N) of rows that sum to 1; rows with one candidate do not count.

    Returns:
        From 0 (one candidate has everything in each row) to 1 (all are equal), ().
    """
    rows = [
        -torch.special.xlogy(w, w).sum(-1).flatten() / log(w.shape[-1])
        for w in weights
        if w.shape[-1] > 1
    ]
    return torch.cat(rows).mean()


def step_value(value: float | Sequence[Sequence[float]], progress: float) -> float:
    """Read a setting that is constant or changes in steps.

    Args:
        value: A number, or pairs (progress, number) in ascending order, the first from 0 on.
        progress: Share of the search that is done, 0 to 1.
    """
    if not isinstance(value, Sequence):
        return float(value)
    return float([number for start, number in value if start <= progress or start == 0][-1])


@dataclass(frozen=True)
class Annealing:
    """A temperature that falls (or rises) during a search.

    Attributes:
        start: First value, > 0.
        end: Last value, > 0.
        begin: Share of the search during which the first value stays, in [0, 1).
        curve: 'linear' or 'exponential'.

    Raises:
        ValueError: A value is not positive, or the curve unknown.
    """

    start: float = 1.0
    end: float = 1.0
    begin: float = 0.0
    curve: str = 'linear'

    def __post_init__(self) -> None:
        check_positive('start', self.start)
        check_positive('end', self.end)
        check_choice('curve', self.curve, ('linear', 'exponential'))
        if not 0 <= self.begin < 1:
            raise ValueError(f'begin must lie in [0, 1), got {self.begin}')

    def __call__(self, progress: float) -> float:
        """Return the value when the share ``progress`` of the search is done."""
        share = min(max((progress - self.begin) / (1 - self.begin), 0.0), 1.0)
        if self.curve == 'linear':
            return self.start + share * (self.end - self.start)
        return self.start * (self.end / self.start) ** share


@dataclass(frozen=True)
class ArchObjective:
    """The loss of architecture parameters: L' = L / mean(L) * (1 + c * cost) + e * entropy.

    Attributes:
        cost_weight: Factor c of the cost log(expected MACs / target MACs).
        target_macs: Multiply-accumulates at which the cost is 0; usually the budget's upper end.
        input_size: (width, height) of the images whose MACs count.
        entropy_weight: Factor e of :func:`entropy`, constant or in steps, see :func:`step_value`;
            negative keeps the weights even, positive drives them apart.
        normalise: Whether L is divided by its running mean; without it weight decay can outweigh
            losses of 1e-3.

    Raises:
        ValueError: There is a cost weight without target or input size.
    """

    cost_weight: float = 0.0
    target_macs: float | None = None
    input_size: Sequence[int] | None = None
    entropy_weight: float | Sequence[Sequence[float]] = 0.0
    normalise: bool = False

    def __post_init__(self) -> None:
        if self.cost_weight and not (self.target_macs and self.input_size):
            raise ValueError(
                'arch_objective with a cost_weight must have target_macs and input_size, got '
                f'{self.target_macs} and {self.input_size}'
            )

    def __call__(
        self,
        loss: Tensor,
        mean: float | None,
        expected_macs: Tensor | None,
        weights: Iterable[Tensor],
        progress: float,
    ) -> Tensor:
        """Compute L'.

        Args:
            loss: L, ().
            mean: Running mean of L; None takes L itself.
            expected_macs: What the relaxation costs, (); not looked at without cost weight.
            weights: Mixing weights, for the entropy.
            progress: Share of the search that is done, 0 to 1.
        """
        total = loss
        if self.normalise:
            total = total / (loss.detach() if mean is None else mean)
        if self.cost_weight:
            total = total * (1 + self.cost_weight * torch.log(expected_macs / self.target_macs))
        factor = step_value(self.entropy_weight, progress)
        return total + factor * entropy(weights) if factor else total
