"""What ``posenas compare`` has found: tables and a figure of the runs that are finished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.experiments.plan import Comparison, Plan, Run

if TYPE_CHECKING:
    from numpy import floating
    from numpy.typing import NDArray

    from posenas.experiments.runs import Difference, TestedPeople

#: Files in the folder of a run: its predictions, or how far off those for several sources are, what
#: its processes cost, and what is known when it is done.
PREDICTIONS, DISTANCES = 'results.keypoints.json', 'distances.npz'
COSTS, RESULT = 'costs.jsonl', 'result.json'
_THRESHOLD = 0.1


@dataclass(frozen=True)
class _Finished:
    """The runs of one arm that are done.

    Attributes:
        runs: The runs.
        results: What each left when it was done.
        people: How far off the keypoints of each are.
        macs: Multiply-accumulates of each network for one image.
        params: Parameters of each network.
    """

    runs: Sequence[Run]
    results: Sequence[Mapping]
    people: Sequence['TestedPeople']
    macs: Sequence[int]
    params: Sequence[int]

    @property
    def distances(self) -> list['NDArray[floating]']:
        """How far off the keypoints of each are, (G, K)."""
        return [people.distances for people in self.people]


def report_plan(plan: Plan, num_samples: int) -> str:
    """Write the table and the figure of what is finished; returns the table.

    Args:
        plan: The plan.
        num_samples: Resamplings of each interval.

    Raises:
        DataError: Predictions or labels cannot be read.
    """
    from posenas.experiments.runs import score_runs
    from posenas.utils.atomic_io import write_text
    from posenas.visualization import draw_runs

    trained = [name for name, arm in plan.arms.items() if arm.config]
    finished = {name: _collect([r for r in plan.runs_of(name) if is_done(r)]) for name in trained}
    scores = {name: score_runs(arm.distances, _THRESHOLD) for name, arm in finished.items()}
    differences = {
        question.title: _compare(question, finished, num_samples)
        for question in plan.comparisons
        if all(finished[name].runs for name in (*question.baselines, question.candidate))
    }
    missing = _describe_missing(plan, finished, len(differences))
    text = '\n'.join(
        [*_table(plan, finished, scores), '', *_differences(differences), '', *missing]
    )
    write_text(plan.folder / 'results.md', text)
    titles = {name: plan.arms[name].title or name for name in trained}
    draw_runs(
        plan.folder / 'results.png',
        {titles[name]: values for name, values in scores.items() if len(values)},
        {title: (d.value, d.low, d.high) for title, d in differences.items()},
    )
    return text


def _describe_missing(
    plan: Plan, finished: Mapping[str, '_Finished'], num_compared: int
) -> list[str]:
    """Say how many runs are not finished and how many comparisons wait for them, if any."""
    planned = sum(len(plan.arms[name].seeds) for name in finished)
    done = sum(len(arm.runs) for arm in finished.values())
    waiting = len(plan.comparisons) - num_compared
    if done == planned and not waiting:
        return []
    return [
        f'Left out: {planned - done} of {planned} runs and {waiting} comparisons, unfinished.',
        '',
    ]


def is_done(run: Run) -> bool:
    """Tell whether a run is finished."""
    return (run.folder / RESULT).exists()


def read_run(run: Run) -> 'TestedPeople':
    """Return how far off the keypoints of the test set are."""
    import numpy as np

    from posenas.datasets.wrappers import list_parts
    from posenas.experiments.runs import TestedPeople, read_tested
    from posenas.utils.config import load_config
    from posenas.utils.files import read_arrays

    if (run.folder / DISTANCES).exists():
        distances = read_arrays(run.folder / DISTANCES, ('distances',))['distances']
        return TestedPeople(distances, np.arange(len(distances)))
    (dataset,) = list_parts(load_config(run.config_file).test_dataloader.dataset)
    labels = Path(dataset.get('data_root') or '', dataset.ann_file)
    return read_tested(labels, run.folder / PREDICTIONS)


def measure_minutes(folder: Path) -> float | None:
    """Return the time of all updates of a training, from the curves of all its parts."""
    from posenas.visualization import read_scalars

    curves = [read_scalars(path).get('time', ([], [])) for path in folder.rglob('scalars.json')]
    steps = [step for curve in curves for step in curve[0]]
    seconds = [value for curve in curves for value in curve[1]]
    return sum(seconds) / len(seconds) * max(steps) / 60 if seconds else None


def _collect(runs: Sequence[Run]) -> _Finished:
    """Read what finished runs of an arm left."""
    from posenas.utils.files import read_object

    sizes = [_count(run) for run in runs]
    return _Finished(
        runs,
        [
            read_object(run.folder / RESULT, dict(scores=dict)) | read_costs(run.folder)
            for run in runs
        ],
        [read_run(run) for run in runs],
        [macs for macs, _ in sizes],
        [params for _, params in sizes],
    )


def _count(run: Run) -> tuple[int, int]:
    """Count multiply-accumulates and parameters of the network that a run has trained."""
    from posenas.apis.building import count_cost, find_and_load

    cost = count_cost(find_and_load(run.config_file))
    return cost.macs, cost.parameters


def read_costs(folder: Path, with_tests: bool = False) -> dict[str, float]:
    """Return minutes and memory of all processes of a run, of tests if they count."""
    from posenas.utils.files import read_records

    path = folder / COSTS
    entries = dict(command=str, cpu_minutes=float, mib=float)
    records = read_records(path, entries) if path.exists() else []
    costs = [cost for cost in records if with_tests or cost['command'] != 'test']
    if not costs:
        return {}
    minutes = sum(cost['cpu_minutes'] for cost in costs)
    wall = sum(cost.get('wall_minutes', 0.0) for cost in costs)
    return dict(wall_minutes=wall, cpu_minutes=minutes, mib=max(cost['mib'] for cost in costs))


def _compare(
    question: Comparison, finished: Mapping[str, _Finished], num_samples: int
) -> 'Difference':
    """Answer a question of the plan."""
    from posenas.experiments.runs import compare_runs

    candidate = finished[question.candidate]
    baselines = [finished[name] for name in question.baselines]
    between = None
    if len(baselines) > 1:
        low, high, own = (_log_macs(arm) for arm in (*baselines, candidate))
        share = min(max((own - low) / (high - low), 0.0), 1.0) if high != low else 0.0
        between = (baselines[1].distances, share)
    return compare_runs(
        baselines[0].distances,
        candidate.distances,
        _THRESHOLD,
        num_samples,
        between=between,
        units=candidate.people[0].units,
    )


def _log_macs(arm: _Finished) -> float:
    return sum(map(log, arm.macs)) / len(arm.macs)


def _table(
    plan: Plan, finished: Mapping[str, _Finished], scores: Mapping[str, 'NDArray[floating]']
) -> list[str]:
    """Return the lines of the table of arms."""
    measured = [result['scores'] for arm in finished.values() for result in arm.results]
    others = [name for name in (measured[0] if measured else ()) if name != f'PCK@{_THRESHOLD}']
    costs = ('GMACs', 'M parameters', 'minutes', 'CPU minutes', 'MiB')
    lines = _head('network', 'seeds', f'PCK@{_THRESHOLD}-box', 'each seed', *others, *costs)
    for name, arm in finished.items():
        done, planned = len(arm.runs), len(plan.arms[name].seeds)
        count = str(done) if done == planned else f'{done} of {planned}'
        row = [plan.arms[name].title or name, count]
        if done:
            row += [_mean_and_spread(scores[name]), ', '.join(f'{v:.1f}' for v in scores[name])]
            row += [_mean([r['scores'].get(key) for r in arm.results]) for key in others]
            row.append(f'{exp(_log_macs(arm)) / 1e9:.4f}')
            row.append(_mean([params / 1e6 for params in arm.params], 3))
            row += [_mean([r.get(key) for r in arm.results]) for key in ('minutes', 'cpu_minutes')]
            row.append(_mean([r.get('mib') for r in arm.results], 0))
        lines.append(_line(row + ['-'] * (4 + len(others) + len(costs) - len(row))))
    return lines


def _differences(differences: Mapping[str, 'Difference']) -> list[str]:
    """Return the lines of the table of comparisons."""
    lines = _head('comparison', 'difference', '95 % interval', 'detectable', 'seeds')
    for title, found in differences.items():
        seeds = ' and '.join(map(str, found.num_seeds))
        interval = f'{found.low:+.1f} .. {found.high:+.1f}'
        lines.append(
            _line([title, f'{found.value:+.1f}', interval, f'{found.detectable:.1f}', seeds])
        )
    return lines


def _head(*names: str) -> list[str]:
    return [_line(names), '|' + '---|' * len(names)]


def _line(entries: Sequence[str]) -> str:
    return f'| {" | ".join(entries)} |'


def _mean(values: Sequence[float | None], digits: int | None = None) -> str:
    """Show the mean of what is known of each seed, shares with more digits than percents."""
    if None in values:
        return '-'
    if digits is None:
        digits = 1 if max(map(abs, values)) > 1 else 3
    return f'{sum(values) / len(values):.{digits}f}'


def _mean_and_spread(values: 'NDArray[floating]') -> str:
    """Show mean and standard deviation over seeds."""
    spread = f' ± {values.std(ddof=1):.1f}' if len(values) > 1 else ''
    return f'{values.mean():.1f}{spread}'
