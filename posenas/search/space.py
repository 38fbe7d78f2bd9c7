"""Search spaces: named decisions, the architectures that answer them, and how to move among these.

NumPy only. Everything that draws gets its generator, so a draw is a function of its address.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from posenas.genotype import Genotype
from posenas.utils import ConfigError, check_probability

Value = int | bool | str | tuple[float, ...]
#: Draws before a space gives up looking for a legal or a changed architecture.
_MAX_TRIES = 1000


class Arch(Mapping[str, Value]):
    """One point of a search space: decision -> value. Immutable, hashable, plain in JSON.

    Args:
        values: Decision -> an integer, a boolean, a text or numbers; lists become tuples.
    """

    __slots__ = ('_values',)

    def __init__(self, values: Mapping[str, Value | Sequence[float]]) -> None:
        self._values = {name: _freeze(name, value) for name, value in values.items()}

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __or__(self, changes: Mapping[str, Value | Sequence[float]]) -> 'Arch':
        return Arch({**self._values, **changes})

    def __repr__(self) -> str:
        return f'Arch({self._values})'

    def to_dict(self) -> dict[str, int | bool | str | list[float]]:
        """Write what JSON holds; the constructor reads it."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self._values.items()
        }


def _freeze(name: str, value: object) -> Value:
    if type(value) in {int, bool, str}:
        return value  # type: ignore[return-value]  # the line above says which
    if isinstance(value, list | tuple) and all(type(item) in {int, float} for item in value):
        return tuple(float(item) for item in value)
    raise TypeError(
        f'{name} must be an int, a bool, a str or a sequence of floats, got {value!r}: '
        f'write NumPy values as .item() or .tolist()'
    )


@dataclass(frozen=True)
class Choice:
    """A decision among few options.

    Attributes:
        name: Unique within the space, such as 'stages.0.width'.
        options: Legal values, each once, from the cheapest network to the most expensive.
        group: Decisions of one group are inherited together by a child of two parents; '' leaves
            the decision alone.
    """

    name: str
    options: tuple[int | bool | str, ...]
    group: str = ''

    def __post_init__(self) -> None:
        if not self.options or len({(type(o), o) for o in self.options}) < len(self.options):
            raise ValueError(
                f'{self.name}.options must hold at least one value, each once, got {self.options}'
            )

    @property
    def count(self) -> int:
        """Number of options."""
        return len(self.options)

    @property
    def extremes(self) -> tuple[Value, Value]:
        """First and last option."""
        return self.options[0], self.options[-1]

    def sample(self, rng: np.random.Generator) -> Value:
        """Draw uniformly."""
        return self.options[int(rng.integers(len(self.options)))]

    def change(self, value: Value, rng: np.random.Generator) -> Value:
        """Draw uniformly among the options other than ``value``; the value where it is alone."""
        others = [option for option in self.options if option != value]
        return others[int(rng.integers(len(others)))] if others else value

    def find_fault(self, value: Value) -> str | None:
        """Say why ``value`` is not legal; None if it is. True is not 1 here."""
        if any(type(value) is type(option) and value == option for option in self.options):
            return None
        return f'{self.name} must be one of {list(self.options)}, got {value!r}'

    def encode(self, value: Value) -> NDArray[np.float64]:
        """One-hot vector over the options."""
        return np.array([option == value for option in self.options], dtype=np.float64)


@dataclass(frozen=True)
class Logits:
    """Numbers whose softmax weighs candidates, as gradients search them.

    Attributes:
        name: Unique within the space, such as 'alphas.normal'.
        shape: Sizes of the array, such as (edges, operations); the softmax runs over the last.
        group: As for :class:`Choice`.
        scale: Standard deviation of random logits.
    """

    name: str
    shape: tuple[int, ...]
    group: str = ''
    scale: float = 1.0

    @property
    def count(self) -> int:
        """One: a continuum is not counted."""
        return 1

    @property
    def extremes(self) -> tuple[Value, Value]:
        """Equal weights, twice: no weights are cheapest."""
        zeros = (0.0,) * prod(self.shape)
        return zeros, zeros

    def sample(self, rng: np.random.Generator) -> Value:
        """Draw from a normal distribution; flat, in C order."""
        return tuple(rng.normal(scale=self.scale, size=prod(self.shape)).tolist())

    def change(self, value: Value, rng: np.random.Generator) -> Value:
        """Draw anew."""
        return self.sample(rng)

    def find_fault(self, value: Value) -> str | None:
        """Say why ``value`` is not legal; None if it is."""
        size = prod(self.shape)
        if isinstance(value, tuple) and len(value) == size and np.isfinite(value).all():
            return None
        return f'{self.name} must be {size} finite numbers of shape {self.shape}, got {value!r}'

    def encode(self, value: Value) -> NDArray[np.float64]:
        """Weights of the candidates, flat."""
        logits = np.asarray(value, dtype=np.float64).reshape(self.shape)
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        flat: NDArray[np.float64] = (weights / weights.sum(-1, keepdims=True)).ravel()
        return flat


Decision = Choice | Logits


class SearchSpace(ABC):
    """All architectures that a search may propose.

    A family says what is decided (:attr:`decisions`) and how architectures become genotypes. Where
    decisions depend on each other it overrides :meth:`find_conflict`, which the generic moves
    obey by drawing again, and :meth:`repair` where drawing again would take too long.
    """

    @property
    @abstractmethod
    def decisions(self) -> tuple[Decision, ...]:
        """What is decided, in a fixed order."""

    @abstractmethod
    def to_genotype(self, arch: Arch) -> Genotype:
        """Write ``arch`` as the genotype of the network it stands for."""

    @abstractmethod
    def from_genotype(self, genotype: Genotype) -> Arch:
        """Find the architecture that ``genotype`` stands for.

        Raises:
            ConfigError: It does not lie in this space.
        """

    def find_conflict(self, arch: Arch) -> str | None:
        """Say which of the values, each legal on its own, do not go together; None if all do."""
        return None

    def repair(self, arch: Arch) -> Arch:
        """Settle conflicts and bring decisions without effect to one form; ``arch`` by default."""
        return arch

    def contains(self, arch: Arch) -> str | None:
        """Say why ``arch`` lies outside; None if it lies in the space."""
        names = {decision.name for decision in self.decisions}
        if arch.keys() != names:
            missing, unknown = sorted(names - arch.keys()), sorted(arch.keys() - names)
            return f'an architecture must answer every decision: add {missing}, remove {unknown}'
        faults = (decision.find_fault(arch[decision.name]) for decision in self.decisions)
        return next((fault for fault in faults if fault), None) or self.find_conflict(arch)

    def require(self, arch: Arch, claim: str = '') -> None:
        """Refuse an architecture outside the space; ``claim`` says what must hold.

        Raises:
            ConfigError: It lies outside.
        """
        fault = self.contains(arch)
        if fault:
            raise ConfigError(f'{claim}: {fault}' if claim else fault)

    def sample(self, rng: np.random.Generator) -> Arch:
        """Draw every decision on its own, uniformly, until the whole is legal."""
        return self.redraw(Arch({}), [decision.name for decision in self.decisions], rng)

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """Names of the decisions that a search may take one after another; groups by default."""
        owners: dict[str, list[str]] = {}
        for decision in self.decisions:
            owners.setdefault(decision.group or decision.name, []).append(decision.name)
        return tuple(map(tuple, owners.values()))

    def redraw(self, arch: Arch, names: Collection[str], rng: np.random.Generator) -> Arch:
        """Draw the decisions ``names`` anew, uniformly, until the whole is legal."""
        drawn = [decision for decision in self.decisions if decision.name in names]
        for _ in range(_MAX_TRIES):
            child = self.repair(arch | {d.name: d.sample(rng) for d in drawn})
            if self.find_conflict(child) is None:
                return child
        raise RuntimeError(_give_up('redraw'))

    def mutate(self, arch: Arch, prob: float, rng: np.random.Generator) -> Arch:
        """Give each decision another value with probability ``prob``, and at least one.

        Returns:
            A legal architecture other than ``arch``.
        """
        check_probability('prob', prob)
        open_decisions = [d for d in self.decisions if isinstance(d, Logits) or d.count > 1]
        for _ in range(_MAX_TRIES if open_decisions else 0):
            is_changed = rng.random(len(open_decisions)) < prob
            if not is_changed.any():
                is_changed[int(rng.integers(len(open_decisions)))] = True
            changes = {
                d.name: d.change(arch[d.name], rng)
                for d, change in zip(open_decisions, is_changed, strict=True)
                if change
            }
            child = self.repair(arch | changes)
            if child != arch and self.find_conflict(child) is None:
                return child
        raise RuntimeError(_give_up('mutate'))

    def crossover(self, a: Arch, b: Arch, rng: np.random.Generator) -> Arch:
        """Take each decision, or group of decisions, from one of two parents with equal chance."""
        groups = list(dict.fromkeys(d.group or d.name for d in self.decisions))
        for _ in range(_MAX_TRIES):
            from_b = dict(zip(groups, rng.integers(2, size=len(groups)).tolist(), strict=True))
            values = {d.name: (a, b)[from_b[d.group or d.name]][d.name] for d in self.decisions}
            child = self.repair(Arch(values))
            if self.find_conflict(child) is None:
                return child
        raise RuntimeError(_give_up('crossover'))

    def vary(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Draw anew what has no smallest and largest option; ``arch`` by default."""
        return arch

    def cheapen(self, arch: Arch, rng: np.random.Generator) -> Arch | None:
        """Move one decision, drawn uniformly, one option towards the cheapest network.

        Returns:
            A legal architecture other than ``arch``; None where there is no step to take.
        """
        steps = [
            (d.name, d.options[d.options.index(arch[d.name]) - 1])
            for d in self.decisions
            if isinstance(d, Choice) and d.options.index(arch[d.name])
        ]
        for i in rng.permutation(len(steps)).tolist():
            child = self.repair(arch | dict([steps[i]]))
            if child != arch and self.find_conflict(child) is None:
                return child
        return None

    def encode(self, arch: Arch) -> NDArray[np.float64]:
        """Write ``arch`` as one vector: one-hot options, and the weights of logits."""
        return np.concatenate([d.encode(arch[d.name]) for d in self.decisions])

    def distance(self, a: Arch, b: Arch) -> float:
        """Count decisions that differ; rows of weights by the share of weight that moved."""
        return float(np.abs(self.encode(a) - self.encode(b)).sum() / 2)

    def count(self) -> int:
        """Number of combinations of options; a continuum counts once."""
        return prod(decision.count for decision in self.decisions)

    def extremes(self) -> tuple[Arch, Arch]:
        """Smallest and largest architecture: every first, and every last, option."""
        small = Arch({d.name: d.extremes[0] for d in self.decisions})
        large = Arch({d.name: d.extremes[1] for d in self.decisions})
        return self.repair(small), self.repair(large)


def _give_up(what: str) -> str:
    return (
        f'{what} must find a legal architecture, but {_MAX_TRIES} draws gave none: the space is '
        'too small, or its repair() must settle its conflicts'
    )
