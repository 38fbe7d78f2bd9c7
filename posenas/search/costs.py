"""What architectures cost, known before anything is trained, and the budget they must keep to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import torch
from mmengine.registry import init_default_scope
from torch import nn

from posenas.genotype import Genotype, derive_model
from posenas.registry import MODELS, TASK_UTILS
from posenas.search.archive import digest
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model


@dataclass(frozen=True)
class CostContext:
    """What a genotype does not say about the network that is counted.

    Attributes:
        input_size: (width, height) of the images, pixels.
        num_keypoints: Keypoints, K.
    """

    input_size: tuple[int, int]
    num_keypoints: int


class Cost(Protocol):
    """One figure of an architecture, exact or predicted; a function of its arguments alone.

    Attributes:
        name: What budgets and archives call it.
    """

    name: str

    def fingerprint(self) -> str:
        """Say everything that the figure depends on beside the architecture."""

    def __call__(self, genotype: Genotype, context: CostContext) -> float:
        """Return the figure of the network of ``genotype``."""

    def per_op(self, operation: nn.Module, shape: Sequence[int]) -> float:
        """Return the share of one candidate operation on a map (C, H, W).

        Weighed by the probabilities of a relaxation these make its expected cost.
        """


@dataclass(frozen=True)
class Counts:
    """Exact figures of one network for one image.

    Attributes:
        params: Elements of all parameters.
        macs: Multiply-accumulates of convolutions and linear layers; of networks for videos the
            mean of a period.
        memory: Bytes of intermediate results at one time at most, float32, without gradients;
            None where it is not counted.
    """

    params: int
    macs: float
    memory: int | None = None


class Counter(Protocol):
    """Counts networks; those of a family that needs no network are registered beside its space."""

    def fingerprint(self) -> str:
        """Say everything that the counts depend on beside architecture and context."""

    def __call__(self, genotype: Genotype, context: CostContext) -> Counts:
        """Count the network of ``genotype``."""


@TASK_UTILS.register_module()
class NetworkCounter:
    """Builds the network without memory, on the meta device, and counts what really runs.

    Args:
        model: Config of an ordinary estimator of the family, which says what genotypes do not.
    """

    def __init__(self, model: Mapping) -> None:
        self._text = json.dumps(model, sort_keys=True)

    def fingerprint(self) -> str:
        """Return a hash of the config."""
        return f'NetworkCounter {digest(self._text)}'

    def __call__(self, genotype: Genotype, context: CostContext) -> Counts:
        """Count the network of ``genotype``.

        Raises:
            ConfigError: The network has other keypoints than ``context`` says.
        """
        identity = dict(genotype.to_dict(), name='any', provenance={}, cost={})
        return _count_built(json.dumps(identity, sort_keys=True), self._text, context)


@lru_cache(maxsize=4096)
def _count_built(genotype: str, model: str, context: CostContext) -> Counts:
    config = derive_model(Genotype.from_dict(json.loads(genotype)), json.loads(model))
    joints = config['head'].get('out_channels', context.num_keypoints)
    if joints != context.num_keypoints:
        raise ConfigError(
            f'the network that is counted must have {context.num_keypoints} keypoints, got '
            f'head.out_channels={joints}: change num_keypoints or the model of the counter'
        )
    return count_estimator(config, context)


def count_estimator(config: Mapping[str, Any], context: CostContext) -> Counts:
    """Build the estimator of a config without memory and count it at the size of ``context``."""
    init_default_scope('posenas')
    width, height = context.input_size
    with torch.device('meta'):
        cost = profile_model(MODELS.build(dict(config)), torch.empty(1, 3, height, width))
    return Counts(cost.parameters, cost.macs, cost.peak_memory)


class NetworkCost:
    """A figure that counting a network gives; see :class:`Cost`.

    Args:
        counter: What counts, or its config.
    """

    name = ''
    #: Which of the :class:`Counts` it is.
    figure = ''

    def __init__(self, counter: Counter | Mapping) -> None:
        self.counter = TASK_UTILS.build(dict(counter)) if isinstance(counter, Mapping) else counter

    def fingerprint(self) -> str:
        """Say everything that the figure depends on beside the architecture."""
        return f'{type(self).__name__}({self.counter.fingerprint()})'

    def __call__(self, genotype: Genotype, context: CostContext) -> float:
        """Return the figure of the network of ``genotype``.

        Raises:
            ConfigError: The counter does not count it.
        """
        value = getattr(self.counter(genotype, context), self.figure)
        if value is None:
            raise ConfigError(
                f'{type(self.counter).__name__} does not count {self.figure}: use a NetworkCounter'
            )
        return value

    def per_op(self, operation: nn.Module, shape: Sequence[int]) -> float:
        """Return the share of one candidate operation on a map (C, H, W), on any device."""
        device = next((p.device for p in operation.parameters()), torch.device('cpu'))
        cost = profile_model(operation, torch.zeros(1, *shape, device=device))
        return getattr(Counts(cost.parameters, cost.macs, cost.peak_memory), self.figure)


@TASK_UTILS.register_module()
class ParamsCost(NetworkCost):
    """Elements of all parameters.

    Args:
        counter: What counts, or its config.
    """

    name = figure = 'params'


@TASK_UTILS.register_module()
class MacsCost(NetworkCost):
    """Multiply-accumulates of convolutions and linear layers for one image.

    Args:
        counter: What counts, or its config.
    """

    name = figure = 'macs'


@TASK_UTILS.register_module()
class ActivationMemoryCost(NetworkCost):
    """Bytes that intermediate results of one image take at one time at most, float32.

    Args:
        counter: What counts, or its config.
    """

    name = figure = 'memory'


@TASK_UTILS.register_module()
class Budget:
    """Costs that are recorded and the limits that some of them have.

    Args:
        costs: Costs or their configs, of different names.
        limits: Name of a cost -> its upper bound, or (lowest, highest) where None leaves one open.
        input_size: (width, height) of the images.
        num_keypoints: Keypoints.

    Raises:
        ConfigError: A limit has no cost, or its ends are in the wrong order.
    """

    def __init__(
        self,
        costs: Sequence[Cost | Mapping] = (),
        limits: Mapping[str, float | Sequence[float | None]] | None = None,
        input_size: Sequence[int] = (192, 256),
        num_keypoints: int = 17,
    ) -> None:
        made = [TASK_UTILS.build(dict(c)) if isinstance(c, Mapping) else c for c in costs]
        self.costs: dict[str, Cost] = {cost.name: cost for cost in made}
        width, height = input_size
        self.context = CostContext((int(width), int(height)), num_keypoints)
        self.limits = {name: _read_limit(name, value) for name, value in (limits or {}).items()}
        unknown = sorted(self.limits.keys() - self.costs.keys())
        if unknown or len(self.costs) < len(made):
            raise ConfigError(
                f'limits must be of costs, each given once, got limits of {sorted(self.limits)} '
                f'and costs {[cost.name for cost in made]}'
            )

    def fingerprint(self) -> dict:
        """Say what is counted, on what, and the limits, as plain data."""
        costs = {name: cost.fingerprint() for name, cost in self.costs.items()}
        return dict(
            costs=costs,
            limits={name: list(limit) for name, limit in self.limits.items()},
            input_size=list(self.context.input_size),
            num_keypoints=self.context.num_keypoints,
        )

    def measure(self, genotype: Genotype) -> dict[str, float]:
        """Return every cost of the network of ``genotype`` by name."""
        return {name: cost(genotype, self.context) for name, cost in self.costs.items()}

    def violation(self, costs: Mapping[str, float]) -> float:
        """Return by how much ``costs`` leave the limits, relative to these and added up; 0: none.

        Raises:
            ConfigError: A cost that has a limit is missing.
        """
        missing = sorted(self.limits.keys() - costs.keys())
        if missing:
            raise ConfigError(f'costs must hold {sorted(self.limits)}: add {missing}')
        total = 0.0
        for name, (low, high) in self.limits.items():
            below = max(0.0, (low - costs[name]) / low) if low else 0.0
            above = max(0.0, (costs[name] - high) / high) if high is not None else 0.0
            total += below + above
        return total


def _read_limit(
    name: str, value: float | Sequence[float | None]
) -> tuple[float | None, float | None]:
    ends = (None, value) if isinstance(value, int | float) else tuple(value)
    if len(ends) != 2 or any(end is not None and end <= 0 for end in ends):
        raise ConfigError(
            f'limits.{name} must be an upper bound or (lowest, highest), numbers greater than 0 or '
            f'None, got {value!r}'
        )
    low, high = ends
    if low is not None and high is not None and low > high:
        raise ConfigError(f'limits.{name} must be (lowest, highest), got {value!r}')
    return low, high
