"""When a search by gradients should stop, because it collapses or has come to rest.

Relaxations tend towards skip connections, which train fastest, and towards sharp minima, which do
not survive the cut to one operation per edge. Rules look at one observation per epoch and are pure
functions of the history.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from posenas.registry import TASK_UTILS
from posenas.search.space import Arch
from posenas.utils import check_positive, check_probability

_PARAMETER_FREE = ('skip_connect', 'avg_pool_3x3', 'max_pool_3x3')


@dataclass(frozen=True)
class Observation:
    """What one epoch of a search left behind.

    Attributes:
        epoch: Epochs done.
        arch: Architecture that the parameters stood for.
        entropy: Of the mixing weights, 0 to 1.
        eigenvalue: Largest one of the Hessian of the validation loss; None was not computed.
        loss: Running mean of the architecture's loss; None where it has none of its own.
    """

    epoch: int
    arch: Arch
    entropy: float
    eigenvalue: float | None = None
    loss: float | None = None

    @classmethod
    def from_dict(cls, data: Mapping) -> 'Observation':
        """Read what :meth:`to_dict` wrote."""
        return cls(**dict(data, arch=Arch(data['arch'])))

    def to_dict(self) -> dict:
        """Write what JSON and checkpoints hold."""
        plain = {name: value for name, value in vars(self).items() if name != 'arch'}
        return dict(plain, arch=self.arch.to_dict())


@dataclass(frozen=True)
class Stop:
    """The end of a search.

    Attributes:
        reason: What was seen.
        epoch: Epoch whose architecture is the result.
    """

    reason: str
    epoch: int

    def to_dict(self) -> dict:
        """Write what JSON and checkpoints hold."""
        return asdict(self)


class CollapseRule(ABC):
    """Decides from the observations of all epochs so far whether to go on.

    Args:
        min_evaluations: Observations before the rule may stop a search.
    """

    def __init__(self, min_evaluations: int = 1) -> None:
        check_positive('min_evaluations', min_evaluations)
        self.min_evaluations = min_evaluations

    def check(self, history: Sequence[Observation]) -> Stop | None:
        """Return the stop that the last of the observations calls for, or None."""
        if len(history) < self.min_evaluations:
            return None
        return self.judge(history)

    @abstractmethod
    def judge(self, history: Sequence[Observation]) -> Stop | None:
        """Return the stop that ``history``, long enough, calls for, or None."""


@TASK_UTILS.register_module()
class EigenvalueRule(CollapseRule):
    """Stop when the largest eigenvalue grows: the minimum becomes sharp.

    Zela et al., Understanding and Robustifying Differentiable Architecture Search, ICLR 2020. The
    result is the architecture from before the growth.

    Args:
        window: Epochs that are averaged.
        delta: Epochs between the averages that are compared.
        factor: Growth that stops the search.
        min_evaluations: See :class:`CollapseRule`.
    """

    def __init__(
        self, window: int = 5, delta: int = 4, factor: float = 1.3, min_evaluations: int = 10
    ) -> None:
        super().__init__(min_evaluations)
        check_positive('window', window)
        check_positive('delta', delta)
        check_positive('factor', factor)
        self.window, self.delta, self.factor = window, delta, factor

    def judge(self, history: Sequence[Observation]) -> Stop | None:
        """Compare the mean of the last epochs with that of ``delta`` epochs ago."""
        seen = [one for one in history if one.eigenvalue is not None]
        if len(seen) <= self.delta:
            return None
        now, before = self._mean(seen), self._mean(seen[: -self.delta])
        if before <= 0 or now / before <= self.factor:
            return None
        reason = f'the largest eigenvalue grew from {before:.4g} to {now:.4g}'
        return Stop(reason, seen[-1 - self.delta].epoch)

    def _mean(self, seen: Sequence[Observation]) -> float:
        values = [one.eigenvalue for one in seen[-self.window :]]
        return sum(values) / len(values)


@TASK_UTILS.register_module()
class SkipRule(CollapseRule):
    """Stop when a cell would keep too many skip connections.

    Liang et al., DARTS+: Improved Differentiable Architecture Search with Early Stopping, 2019.
    Differs from the paper: the result is the last architecture with fewer of them.

    Args:
        limit: Identities that stop the search.
        cell: The cell that is looked at.
        min_evaluations: See :class:`CollapseRule`.
    """

    def __init__(
        self, limit: int = 2, cell: str = 'encoder.normal', min_evaluations: int = 1
    ) -> None:
        super().__init__(min_evaluations)
        check_positive('limit', limit)
        self.limit, self.cell = limit, cell

    def judge(self, history: Sequence[Observation]) -> Stop | None:
        """Count skip connections."""
        counts = [_count(one.arch, self.cell, ('skip_connect',)) for one in history]
        if counts[-1] < self.limit:
            return None
        reason = f'{self.cell} would keep {counts[-1]} skip connections'
        return Stop(reason, _last_good(history, [count < self.limit for count in counts]))


@TASK_UTILS.register_module()
class ParameterFreeRule(CollapseRule):
    """Stop when more of a cell's edges than a given share have no parameters.

    The result is the last architecture with fewer of them.

    Args:
        share: Share of the edges.
        cell: The cell that is looked at.
        min_evaluations: See :class:`CollapseRule`.
    """

    def __init__(
        self, share: float = 0.5, cell: str = 'encoder.normal', min_evaluations: int = 1
    ) -> None:
        super().__init__(min_evaluations)
        self.share, self.cell = share, cell

    def judge(self, history: Sequence[Observation]) -> Stop | None:
        """Count skip connections and poolings."""
        counts = [_count(one.arch, self.cell, _PARAMETER_FREE) for one in history]
        most = self.share * _count(history[-1].arch, self.cell)
        if counts[-1] <= most:
            return None
        reason = f'{counts[-1]} edges of {self.cell} would have no parameters'
        return Stop(reason, _last_good(history, [count <= most for count in counts]))


@TASK_UTILS.register_module()
class StabilityRule(CollapseRule):
    """Stop when the architecture has not changed for a while; it is the result.

    Args:
        patience: Epochs without a change.
        min_evaluations: See :class:`CollapseRule`.
    """

    def __init__(self, patience: int = 10, min_evaluations: int = 1) -> None:
        super().__init__(min_evaluations)
        check_positive('patience', patience)
        self.patience = patience

    def judge(self, history: Sequence[Observation]) -> Stop | None:
        """Compare the last architectures, whatever the order in which they list edges."""
        last = [_edges(one.arch) for one in history[-1 - self.patience :]]
        if len(last) <= self.patience or any(edges != last[0] for edges in last):
            return None
        reason = f'the architecture has not changed for {self.patience} epochs'
        return Stop(reason, history[-1].epoch)


@TASK_UTILS.register_module()
class EntropyRule(CollapseRule):
    """Stop when hardly anything is left to decide; the last architecture is the result.

    Args:
        limit: Entropy of the mixing weights, 0 to 1, at which the search is over.
        min_evaluations: See :class:`CollapseRule`.
    """

    def __init__(self, limit: float = 0.05, min_evaluations: int = 1) -> None:
        super().__init__(min_evaluations)
        check_probability('limit', limit)
        self.limit = limit

    def judge(self, history: Sequence[Observation]) -> Stop | None:
        """Compare the last entropy with the limit."""
        last = history[-1]
        if last.entropy > self.limit:
            return None
        return Stop(f'the entropy fell to {last.entropy:.3g}', last.epoch)


def largest_eigenvalue(
    loss: Callable[[Mapping[str, Tensor]], Tensor],
    parameters: Mapping[str, Tensor],
    generator: torch.Generator,
    num_iterations: int = 20,
) -> float:
    """Find the largest eigenvalue of the Hessian of a loss by power iteration.

    Where the eigenvalue of largest size is negative, a second iteration with the shifted matrix
    finds the largest one.

    Args:
        loss: Loss () of the parameters; the same at every call.
        parameters: Leaves that require gradients.
        generator: Draws the first direction, on the CPU.
        num_iterations: Products with the Hessian per iteration, each a double backward.
    """
    values = list(parameters.values())
    gradients = torch.autograd.grad(
        loss(parameters), values, create_graph=True, allow_unused=True, materialize_grads=True
    )
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    if not flat.requires_grad:
        return 0.0
    start = torch.randn(len(flat), generator=generator).to(flat)

    def multiply(vector: Tensor) -> Tensor:
        products = torch.autograd.grad(
            flat, values, vector, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return torch.cat([product.flatten() for product in products])

    dominant = _iterate(multiply, start, num_iterations)
    if dominant >= 0:
        return dominant
    return dominant + _iterate(lambda v: multiply(v) - dominant * v, start, num_iterations)


def _iterate(multiply: Callable[[Tensor], Tensor], start: Tensor, num_iterations: int) -> float:
    """Return the eigenvalue of largest size."""
    vector, value = start / start.norm(), 0.0
    for _ in range(num_iterations):
        product = multiply(vector)
        value, norm = float(vector @ product), product.norm()
        if norm == 0:
            return 0.0
        vector = product / norm
    return value


def _edges(arch: Arch) -> frozenset:
    """Return what each edge that ``arch`` keeps does, and its other decisions."""
    found = set()
    for name, value in arch.items():
        if name.endswith('.sources'):
            node, sources = name.removesuffix('.sources'), str(value).split(',')
            found |= {(node, s, arch[f'{node}.{e}']) for s, e in zip(sources, _ENDS, strict=True)}
        elif not name.endswith(_ENDS):
            found.add((name, value))
    return frozenset(found)


_ENDS = ('first', 'second')


def _count(arch: Arch, cell: str, operations: Sequence[str] | None = None) -> int:
    """Count the edges of a cell of ``arch`` that do one of ``operations``, or all of them."""
    return sum(
        operations is None or value in operations
        for name, value in arch.items()
        if name.startswith(f'{cell}.') and name.endswith(_ENDS)
    )


def _last_good(history: Sequence[Observation], is_good: Sequence[bool]) -> int:
    """Return the last epoch that was good; the last one of all where none was."""
    good = [one.epoch for one, good in zip(history, is_good, strict=True) if good]
    return good[-1] if good else history[-1].epoch
