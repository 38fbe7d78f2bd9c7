"""How large a search can be in the hours that there are: speeds are measured, then it is fixed."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor, nn

from posenas.apis import build_dataset, build_space
from posenas.experiments.search_data import SearchData
from posenas.experiments.search_spaces import RunSpace
from posenas.registry import MODELS
from posenas.search import Budget, CostContext
from posenas.search.latency.measure import measure_networks, settle
from posenas.utils.atomic_io import write_json
from posenas.utils.errors import ConfigError
from posenas.utils.files import read_json
from posenas.utils.randomness import Stream, make_generator
from posenas.utils.timing import draw_weights, use_threads

#: Images of the batch that is timed, how often it is, and samples that are read.
_BATCH, _REPEATS, _SAMPLES = 16, 2, 16
#: Iterations of supernet and of each training, and generations of the search: fewest, and as many
#: as help.
_ITERATIONS, _GENERATIONS = (150, 7500), (3, 11)
#: Architectures of a generation: in few hours, and in many.
_GENERATION = (8, 32)
#: Networks that a latency table is fitted to and judged on, rounds of both: likewise.
_FIT, _TEST, _ROUNDS = (24, 60), (10, 50), (80, 80)
#: Images that statistics are measured on.
_CALIBRATION = (64, 512)
#: Size of a plan, from 0 (the fewest of everything) to 1, for which a wider supernet is preferred.
_WORTH_WIDTH = 0.35
#: Size of a plan from which a wider supernet may be worth measuring.
_ROOM_FOR_MORE = 0.6
#: Share of a limit that the largest network of a supernet must reach, or a wider one is better.
_LEAST_REACH = 0.5
#: Rounds in which its smallest and its largest network are timed.
_REACH_ROUNDS = 20
#: Share of the hours that is planned: speeds vary.
_PLANNED = 0.85
#: Processor seconds in which a command has loaded what it needs, of an export of a network, and
#: of an operation of the table.
_START, _EXPORT, _PER_OPERATION = 8.0, 2.0, 0.1
#: Operations of a table, about.
_OPERATIONS = dict(tiny=180, half=580)
_MOST_OPERATIONS = 1000


@dataclass(frozen=True)
class SearchPlan:
    """Everything about a search that is decided before it starts.

    Attributes:
        arguments: What was asked for.
        data: Keypoints, input size and number of people that it was made for.
        width: Name of the supernet.
        numbers: 'supernet_epochs', 'train_epochs', 'wave', 'num_waves', 'num_calibration', and of
            the latency table 'num_fit', 'num_test', 'rounds'.
        minutes: Stage -> estimated time.
    """

    arguments: Mapping[str, Any]
    data: Mapping[str, Any]
    width: str
    numbers: Mapping[str, int]
    minutes: Mapping[str, float]


@dataclass(frozen=True)
class _Speed:
    """Seconds for one image of a supernet and of a network of it, and for other steps.

    Attributes:
        step: Update of the supernet, all its paths.
        train: Update of a network of medium size.
        forward: Forward pass of it.
        load: Reading and disturbing a sample.
        slowness: Time that passes in a second of processor time: others use the machine too.
    """

    step: float
    train: float
    forward: float
    load: float
    slowness: float


def settle_plan(
    path: Path,
    arguments: Mapping[str, Any],
    limits: Mapping[str, float],
    data: SearchData,
    space: RunSpace,
    supernets: Mapping[str, Config],
) -> SearchPlan:
    """Read the plan of a search, or make and keep it: it never changes afterwards.

    Args:
        path: Its file.
        arguments: What is asked for: 'hours', 'seeds', 'threads', 'baseline', 'teacher' and more.
        limits: Cost -> upper bound, in what budgets count.
        data: The data.
        space: The space.
        supernets: Its supernets by width, the narrowest first.

    Raises:
        ConfigError: The file is of another search.
    """
    facts = dict(keypoints=list(data.skeleton[1]), input_size=list(data.input_size))
    if path.is_file():
        plan = SearchPlan(**read_json(path))
        asked = {**plan.arguments, **plan.data}
        wanted = {**arguments, **facts}
        other = [name for name, value in wanted.items() if asked.get(name) != value]
        if other:
            raise ConfigError(
                f'{path.parent} must go on with its first arguments, but '
                + '; '.join(f'{name} was {asked.get(name)}, got {wanted[name]}' for name in other)
                + ': choose another folder'
            )
        return plan
    with use_threads(int(arguments['threads'])):
        engine = str(arguments['engine'])
        fitting = _fit_to_limits(supernets, limits, engine, data, space)
        width, numbers, minutes = _choose(fitting, arguments, data, space)
    plan = SearchPlan(dict(arguments), facts, width, numbers, minutes)
    write_json(path, asdict(plan), indent=1)
    return plan


def _fit_to_limits(
    supernets: Mapping[str, Config],
    limits: Mapping[str, float],
    engine: str,
    data: SearchData,
    space: RunSpace,
) -> dict[str, Config]:
    """Leave out supernets whose networks all exceed a limit, or all stay far below the limits."""
    if not (space.counter and limits and len(supernets) > 1):
        return dict(supernets)
    reach = {w: _find_reach(cfg, limits, engine, data, space) for w, cfg in supernets.items()}
    able = [width for width, (low, _) in reach.items() if low <= 1] or [*supernets][:1]
    worth = [width for width in able if reach[width][1] >= _LEAST_REACH] or able[-1:]
    return {width: supernets[width] for width in worth}


def _find_reach(
    cfg: Config, limits: Mapping[str, float], engine: str, data: SearchData, space: RunSpace
) -> tuple[float, float]:
    """Return the largest share of a limit that smallest and largest network of a supernet take."""
    searched = build_space(cfg)
    ends = [searched.to_genotype(arch) for arch in searched.extremes()]
    counter = space.make_counter(cfg)
    costs = [dict(type='MacsCost', counter=counter), dict(type='ParamsCost', counter=counter)]
    budget = Budget(costs, None, data.input_size, data.num_keypoints)
    found = [budget.measure(genotype) for genotype in ends]
    if 'latency' in limits:
        context = CostContext(data.input_size, data.num_keypoints)
        times = measure_networks(ends, context, _REACH_ROUNDS, engine, data.cfg.codec)
        pairs = zip(found, settle(times).tolist(), strict=True)
        found = [dict(counts, latency=1e3 * time) for counts, time in pairs]
    low, high = (max(costs[name] / limit for name, limit in limits.items()) for costs in found)
    return low, high


def _choose(
    supernets: Mapping[str, Config],
    arguments: Mapping[str, Any],
    data: SearchData,
    space: RunSpace,
) -> tuple[str, dict[str, int], dict[str, float]]:
    """Choose the widest supernet that gets enough training, and how much of everything."""
    limit = 60 * _PLANNED * float(arguments['hours'])
    chosen = None
    for width, cfg in supernets.items():
        speed = _measure(cfg, data, space)
        plans = [_plan(width, speed, step / 20, arguments, data, space) for step in range(21)]
        fitting = [step for step, plan in enumerate(plans) if sum(plan[1].values()) <= limit]
        step = max(fitting, default=0)
        if chosen is None or step >= 20 * _WORTH_WIDTH:
            chosen = width, *plans[step]
        if step < 20 * _ROOM_FOR_MORE:  # wider ones get less
            break
    if chosen is None:
        raise ConfigError('a space must have a supernet, got none')
    return chosen


def _measure(cfg: Config, data: SearchData, space: RunSpace) -> _Speed:
    """Time a supernet of random weights on random images, and the reading of samples."""
    dataset = build_dataset(data.cfg, 'train')  # from here on names are ours
    begun, used = perf_counter(), process_time()
    model = deepcopy(cfg.model)
    model.head.update(out_channels=data.num_keypoints, decoder=deepcopy(data.cfg.codec))
    supernet = MODELS.build(model)
    draw_weights(supernet)
    width, height = data.input_size
    images = torch.randn(_BATCH, 3, height, width).to(memory_format=torch.channels_last)
    num_paths = cfg.train_cfg.get('num_paths', 0)
    paths = []
    if num_paths:
        drawn = [supernet.space.sample(make_generator(Stream.SUBNETS, 0, i)) for i in range(2)]
        paths = [*supernet.space.extremes(), *drawn][:num_paths]
    _update(supernet, images)
    times = [
        _time(partial(_update, supernet, images, arch), _REPEATS) for arch in paths or [None] * 2
    ]
    with torch.no_grad():
        forward = _time(partial(supernet, images, mode='tensor'), _REPEATS) / _BATCH
    load = _time(lambda: [dataset[i % len(dataset)] for i in range(_SAMPLES)], 1) / _SAMPLES
    slowness = max(1.0, (perf_counter() - begun) / (process_time() - used))
    return _Speed(sum(times) / _BATCH, times[-1] / _BATCH, forward, load, slowness)


def _update(supernet: nn.Module, images: Tensor, arch: object = None) -> None:
    if arch is not None:
        supernet.set_arch(arch)
    outputs = supernet(images, mode='tensor')
    maps = outputs[-1] if isinstance(outputs, list | tuple) else outputs
    maps.square().mean().backward()


def _time(call: Callable[[], object], repeats: int) -> float:
    """Return the seconds of the fastest of some calls: others are disturbed, or prepare it."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)


def _plan(
    width: str,
    speed: _Speed,
    size: float,
    arguments: Mapping[str, Any],
    data: SearchData,
    space: RunSpace,
) -> tuple[dict[str, int], dict[str, float]]:
    """Return the numbers of a plan of a size in [0, 1], the smallest to the largest, and times."""

    def between(ends: tuple[int, int]) -> int:
        return round(ends[0] * (ends[1] / ends[0]) ** size)

    batches = max(1, data.num_train // data.cfg.train_dataloader.batch_size)
    epochs = min(max(5, round(between(_ITERATIONS) / batches)), 300)
    numbers = dict(
        supernet_epochs=epochs,
        train_epochs=epochs,
        wave=between(_GENERATION),
        num_waves=between(_GENERATIONS),
        num_calibration=min(between(_CALIBRATION), data.num_train // 2),
        num_fit=between(_FIT),
        num_test=between(_TEST),
        rounds=between(_ROUNDS),
    )
    start, export = _START * speed.slowness, _EXPORT * speed.slowness
    num_seeds, num_trained = int(arguments['seeds']), 1 + bool(arguments['baseline'])
    held_out = 0.15 * data.num_train
    candidate = (numbers['num_calibration'] + 2 * held_out) * speed.forward
    trials = numbers['wave'] * numbers['num_waves'] + bool(arguments['baseline'])
    training = epochs * data.num_train * (speed.train + speed.load) + 2 * start
    operations = _OPERATIONS.get(width, _MOST_OPERATIONS)
    networks = numbers['num_fit'] + numbers['num_test']
    seconds = dict(
        check=start,
        table=2 * start + operations * _PER_OPERATION * speed.slowness + networks * export,
        supernet=start + epochs * data.num_train * (speed.step + 0.85 * speed.load),
        search=num_seeds * (start + trials * candidate),
        derive=num_seeds * num_trained * 1.5 * start,
        train=num_seeds * num_trained * training,
        distil=num_seeds * 1.5 * training * bool(arguments['teacher']),
        export=num_seeds * num_trained * (2 * start + 3 * export),
    )
    if not space.has_latency:
        seconds.pop('table')
    if not space.counter:
        seconds['search'] = 0.0
    return numbers, {stage: round(value / 60, 2) for stage, value in seconds.items() if value}
