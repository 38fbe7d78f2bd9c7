"""What a step of a search costs, in training steps of the same supernet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import torch
from mmengine.model import BaseModel
from torch import Tensor

from posenas.apis.building import ConfigLike, build_model
from posenas.benchmarks.forward import draw_batch
from posenas.search.gradient import (
    StepRule,
    adam_steps,
    first_order,
    model_loss,
    second_order,
    sgd_steps,
)
from posenas.utils import ConfigError
from posenas.utils.timing import measure_peak_memory, take_turns, use_threads

_LR = 1e-3


@dataclass(frozen=True)
class SearchCost:
    """Cost of one step: of the weights and, in a search, of the architecture.

    Attributes:
        strategy: What the architecture parameters do meanwhile.
        seconds: Median time.
        time_ratio: Times in steps that train the weights alone, median of the rounds' own ratios.
        peak_memory: Bytes allocated within the step at one time.
        memory_ratio: Likewise in steps that train the weights alone.
    """

    strategy: str
    seconds: float
    time_ratio: float
    peak_memory: int
    memory_ratio: float


class _Steps:
    """Steps of a supernet on two batches, one for the weights and one for the architecture.

    Args:
        supernet: In train mode, changed by each step.
        batch: Images and samples of the weights.
        arch_batch: Those of the architecture.
    """

    def __init__(self, supernet: BaseModel, batch: Mapping, arch_batch: Mapping) -> None:
        self.supernet, self.batch = supernet, batch
        self.arch = {n: p for n, p in supernet.arch_parameters().items() if p.requires_grad}
        self.weights = {
            name: parameter
            for name, parameter in supernet.named_parameters()
            if parameter.requires_grad and name not in self.arch
        }
        self.optimizer = torch.optim.Adam(self.weights.values(), lr=_LR)
        self.arch_optimizer = torch.optim.Adam(self.arch.values(), lr=_LR)
        self.losses = model_loss(supernet, batch), model_loss(supernet, arch_batch)

    def train(self) -> None:
        """Train the weights."""
        losses = self.supernet(**self.batch, mode='loss')
        self.supernet.parse_losses(losses)[0].backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.arch_optimizer.zero_grad()

    def train_all(self) -> None:
        """Train weights and architecture on the same gradients."""
        losses = self.supernet(**self.batch, mode='loss')
        self.supernet.parse_losses(losses)[0].backward()
        for optimizer in (self.optimizer, self.arch_optimizer):
            optimizer.step()
            optimizer.zero_grad()

    def search_first(self) -> None:
        """Take a first-order step, then train the weights."""
        self._apply(first_order(self.losses[1], self.weights, self.arch)[0])

    def search_second(self, rule: StepRule, epsilon: float | None = None) -> None:
        """Take a second-order step, then train the weights."""
        self._apply(second_order(*self.losses, self.weights, self.arch, rule, epsilon)[0])

    def _apply(self, gradients: Mapping[str, Tensor]) -> None:
        for name, parameter in self.arch.items():
            parameter.grad = gradients[name]
        self.arch_optimizer.step()
        self.arch_optimizer.zero_grad()
        self.train()


def measure_search(
    supernet: BaseModel, batch: Mapping, arch_batch: Mapping, num_rounds: int
) -> list[SearchCost]:
    """Time steps of all strategies on one thread, by turns, and trace their memory.

    Args:
        supernet: A relaxation; its weights change.
        batch: Arguments of its mode 'loss': ``inputs`` (B, 3, H, W) and ``data_samples``.
        arch_batch: Another batch of the same size.
        num_rounds: Rounds in which all steps take turns.

    Returns:
        One record for each strategy, 'none' first, which trains the weights alone.
    """
    steps = _Steps(supernet.train(), batch, arch_batch)
    plain, precond = sgd_steps(_LR), adam_steps(steps.optimizer, steps.weights)
    works: dict[str, Callable[[], None]] = {
        'none': steps.train,
        'sync, single': steps.train_all,
        'first_order': steps.search_first,
        'second_order': lambda: steps.search_second(plain),
        'second_order, precond': lambda: steps.search_second(precond),
        'second_order, finite_difference': lambda: steps.search_second(plain, 0.01),
    }
    with use_threads(1):
        rounds = take_turns(list(works.values()), num_rounds)
        peaks = [measure_peak_memory(work) for work in works.values()]
    return [
        SearchCost(
            strategy,
            median(times[i] for times in rounds),
            median(times[i] / times[0] for times in rounds),
            peaks[i],
            peaks[i] / peaks[0],
        )
        for i, strategy in enumerate(works)
    ]


def benchmark_search(config: ConfigLike, batch: int = 8, num_rounds: int = 5) -> list[SearchCost]:
    """Time one step of every strategy with random images at the size of a config.

    Args:
        config: Config of a search by gradients.
        batch: Images B of each of the two batches.
        num_rounds: As in :func:`measure_search`.

    Raises:
        ConfigError: The model of the config has no architecture parameters.
    """
    cfg, model, _ = build_model(config)
    if not getattr(model, 'arch_parameters', dict)():
        raise ConfigError(
            'config must be a search by gradients, whose model has architecture parameters, got '
            f'model.type={cfg.model.get("type")!r}'
        )
    sizes = cfg.codec['input_size'], cfg.codec['heatmap_size']
    batches = [draw_batch(batch, model.head.out_channels, *sizes, seed) for seed in (0, 1)]
    return measure_search(model, *batches, num_rounds)
