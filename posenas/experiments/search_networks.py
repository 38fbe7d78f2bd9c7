"""The networks that a search ended with: what is known of them, and how fast they are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch

from posenas.experiments.plan import Plan, Run
from posenas.experiments.report import RESULT, read_costs
from posenas.runtime.engines import open_session
from posenas.search import Record
from posenas.utils.atomic_io import write_json
from posenas.utils.checkpoint import find_latest_checkpoint, save_checkpoint
from posenas.utils.files import read_json
from posenas.utils.randomness import Stream, make_generator
from posenas.utils.safe_load import load_checkpoint_file
from posenas.utils.timing import take_turns, use_threads

#: Stage -> minutes, minutes of processor time and peak memory in MiB.
Costs = Mapping[str, tuple[float, float, float]]
#: File of weights in the folder of a training, and what it keeps of the metadata.
WEIGHTS = 'weights/network.pth'
_KEPT = ('dataset_meta', 'epoch', 'input_size', 'iter', 'seed')
#: Rounds in which exported networks are timed in turn.
_ROUNDS = 60


@dataclass(frozen=True)
class DerivedNetwork:
    """A trained and exported network of a search.

    Attributes:
        kind: What it is, such as 'found' or 'random, equal cost'.
        seed: Seed of its search and training.
        run: Name of its training.
        config: Its config.
        checkpoint: Its weights.
        genotype: Its architecture.
        exported: Its exported file.
        scores: Metric -> value on the test images.
        shared_score: Score of the part of the supernet that it is; None where that has none.
        costs: Cost -> counted or predicted value.
        latency: Median of its measured forward passes, milliseconds.
        slow: 95 % quantile of them.
    """

    kind: str
    seed: int
    run: str
    config: Path
    checkpoint: Path
    genotype: Path
    exported: Path
    scores: Mapping[str, float]
    shared_score: float | None
    costs: Mapping[str, float]
    latency: float = float('nan')
    slow: float = float('nan')

    @classmethod
    def read(
        cls, kind: str, run: Run, folder: Path, exported: Path, record: Record | None
    ) -> 'DerivedNetwork':
        """Collect what the stages of a network left."""
        result = read_json(run.folder / RESULT)
        return cls(
            kind,
            run.seed,
            run.name,
            folder / 'network.py',
            run.folder / WEIGHTS,
            folder / 'genotype.json',
            exported,
            result['scores'],
            None if record is None else next(iter(record.scores.values())),
            {} if record is None else dict(record.costs),
        )

    @property
    def score(self) -> tuple[str, float]:
        """Name and value of the first score."""
        return next(iter(self.scores.items()))

    def list_files(self) -> list[Path]:
        """List what stands for the network: export, config, weights and genotype."""
        exports = [self.exported, self.exported.with_suffix('.bin')]
        return [*filter(Path.is_file, exports), self.config, self.checkpoint, self.genotype]


def write_weights(run: Run) -> None:
    """Write what a training has learnt without when and where, so that it is always the same."""
    student = run.folder / 'student_best.pth'  # of a distillation
    last = run.folder / Path(str(find_latest_checkpoint(run.folder))).name
    checkpoint = load_checkpoint_file(student if student.is_file() else last)
    meta = {key: checkpoint['meta'][key] for key in _KEPT if key in checkpoint['meta']}
    save_checkpoint(dict(meta=meta, state_dict=checkpoint['state_dict']), run.folder / WEIGHTS)


def measure_networks(
    networks: Sequence[DerivedNetwork], file: Path, engine: str, threads: int
) -> list[DerivedNetwork]:
    """Time exported networks in turn, one image, unless the same files were timed before.

    Args:
        networks: The networks.
        file: Keeps the times.
        engine: What runs them.
        threads: Threads of one call; with one the clock is processor time.
    """
    digests = {n.run: sha256(n.exported.read_bytes()).hexdigest() for n in networks}
    known = read_json(file) if file.is_file() else {}
    if known.get('files') != digests:
        with use_threads(threads), torch.inference_mode():
            calls = [_open(network, engine, threads) for network in networks]
            clock = process_time if threads == 1 else perf_counter
            rounds = 1e3 * np.array(take_turns(calls, _ROUNDS, clock))  # (rounds, networks)
        known = dict(
            files=digests,
            median={n.run: float(np.median(rounds[:, i])) for i, n in enumerate(networks)},
            slow={n.run: float(np.quantile(rounds[:, i], 0.95)) for i, n in enumerate(networks)},
        )
        write_json(file, known, indent=1)
    return [replace(n, latency=known['median'][n.run], slow=known['slow'][n.run]) for n in networks]


def _open(network: DerivedNetwork, engine: str, threads: int) -> Callable[[], object]:
    """Return a forward pass of one random image."""
    from posenas.apis import build_model
    from posenas.models.fused import fuse
    from posenas.runtime import PoseRuntime

    shape = (1, *PoseRuntime(network.exported, None, threads).description.input_shape)
    images = make_generator(Stream.MEASURED_IMAGES, 0).standard_normal(shape, np.float32)
    if engine != 'torch':
        session = open_session(network.exported, engine, threads, batch=1)
        return lambda: session.run(images)
    model = build_model(network.config, network.checkpoint).model
    fuse(model)
    tensor = torch.from_numpy(images).to(memory_format=torch.channels_last)
    return lambda: model(tensor, mode='tensor')


def summarize_costs(plan: Plan) -> Costs:
    """Add up what the processes of each stage took that were not killed, over its seeds."""
    found = {}
    for name in plan.arms:
        costs = [read_costs(run.folder, with_tests=True) for run in plan.runs_of(name)]
        wall, cpu = (sum(c.get(k, 0.0) for c in costs) for k in ('wall_minutes', 'cpu_minutes'))
        found[name] = (wall, cpu, max(cost.get('mib', 0.0) for cost in costs))
    return found


def tabulate_costs(costs: Costs) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headers and rows of a table of what stages took; the last row is the sum."""
    rows = [
        (stage, f'{wall:.1f}', f'{cpu:.1f}', f'{mib:.0f}')
        for stage, (wall, cpu, mib) in costs.items()
    ]
    wall, cpu = (sum(cost[place] for cost in costs.values()) for place in (0, 1))
    most = max(cost[2] for cost in costs.values())
    rows.append(('all', f'{wall:.1f}', f'{cpu:.1f}', f'{most:.0f}'))
    return ('stage', 'minutes', 'processor minutes', 'peak MiB'), rows
