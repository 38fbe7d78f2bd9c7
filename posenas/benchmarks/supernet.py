"""What a step of a supernet costs, in steps of the networks that it stands for."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from statistics import median

from torch import nn

from posenas.apis.building import ConfigLike, build_model
from posenas.benchmarks.forward import draw_batch
from posenas.registry import MODELS
from posenas.utils import ConfigError
from posenas.utils.randomness import Stream, make_generator
from posenas.utils.timing import choose_clock, take_turns, use_threads


@dataclass(frozen=True)
class SupernetCost:
    """Times on one thread.

    Attributes:
        seconds: Forward and backward passes of one step, all of its architectures.
        ratio: The same in passes of those networks, cut out; median of the rounds' own ratios.
        set_fresh: Setting an architecture that was never set, with all that its passes look up,
            seconds; median.
        set_again: Setting one that was set before.
        input_size: (width, height) of the images.
    """

    seconds: float
    ratio: float
    set_fresh: float
    set_again: float
    input_size: tuple[int, int]


def measure_supernet(
    supernet: nn.Module, batch: Mapping, num_rounds: int, num_paths: int = 4
) -> SupernetCost:
    """Time a step of the largest, the smallest and random architectures, without optimizer.

    Args:
        supernet: Supernet whose architectures are set; left in training mode.
        batch: Arguments of its mode 'loss'.
        num_rounds: Measured steps; they and those of the networks take turns.
        num_paths: Architectures of a step, at least 2.
    """
    rng, space = make_generator(Stream.MEASURED_SUBNETS, 0), supernet.space
    paths = [*reversed(space.extremes()), *(space.sample(rng) for _ in range(num_paths - 2))]
    networks = []
    for arch in paths:
        config, state, _ = supernet.extract(arch)
        networks.append(MODELS.build(deepcopy(config)))
        networks[-1].load_state_dict(state)
    supernet.train()

    def step_networks() -> None:
        for network in networks:
            network.train().zero_grad()
            _run(network, batch)

    def step_supernet() -> None:
        supernet.zero_grad()
        for arch in paths:
            supernet.set_arch(arch)
            _run(supernet, batch)

    with use_threads(1):
        rounds = take_turns([step_networks, step_supernet], num_rounds)
        fresh = [space.sample(rng) for _ in range(20)]
        set_fresh, set_again = (_time_setting(supernet, fresh) for _ in range(2))
    seconds = median(ours for _, ours in rounds)
    ratio = median(ours / theirs for theirs, ours in rounds)
    height, width = batch['inputs'].shape[2:]
    return SupernetCost(seconds, ratio, set_fresh, set_again, (width, height))


def _run(model: nn.Module, batch: Mapping) -> None:
    """Run one network forward and backward."""
    losses = model(**batch, mode='loss')
    model.parse_losses(losses)[0].backward()


def _time_setting(supernet: nn.Module, archs: list) -> float:
    """Return the median time of setting one of ``archs``."""
    clock, times = choose_clock(), []
    for arch in archs:
        start = clock()
        supernet.set_arch(arch)
        times.append(clock() - start)
    return median(times)


def benchmark_supernet(
    config: ConfigLike,
    batch: int = 8,
    num_rounds: int = 5,
    input_size: Sequence[int] | None = None,
) -> SupernetCost:
    """Time the passes of one step with random images: largest, smallest and two random networks.

    Args:
        config: Config of a supernet whose architectures are set.
        batch: Images B.
        num_rounds: As in :func:`measure_supernet`.
        input_size: (width, height) of the images; None takes that of the config.

    Raises:
        ConfigError: The model of the config is no supernet whose architectures are set.
    """
    cfg, model, _ = build_model(config)
    if not hasattr(model, 'set_arch') or model.arch_parameters():
        raise ConfigError(
            'config must be a supernet whose architectures can be set, got '
            f'model.type={cfg.model.get("type")!r}'
        )
    own, heatmaps = cfg.codec['input_size'], cfg.codec['heatmap_size']
    size = input_size or own
    sizes = size, [side * heatmaps[0] // own[0] for side in size]
    return measure_supernet(model, draw_batch(batch, model.head.out_channels, *sizes), num_rounds)
