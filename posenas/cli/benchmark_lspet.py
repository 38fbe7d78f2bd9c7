"""``posenas benchmark lspet``: networks compared on real photos, over several seeds."""

import argparse
import difflib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posenas.cli.benchmark_plan import Plan, Run, read_plan
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config
    from numpy import floating
    from numpy.typing import NDArray

    from posenas.evaluation.runs import Difference

__all__ = ['add_lspet_parser', 'read_run', 'run_lspet']

#: Files in the folder of a run: its predictions, and what is known when it is done.
_PREDICTIONS, _RESULT = 'results.keypoints.json', 'result.json'
_THRESHOLD = 0.1


def add_lspet_parser(kinds: argparse._SubParsersAction) -> None:
    """Add ``posenas benchmark lspet``."""
    lspet = kinds.add_parser(
        'lspet',
        help='networks trained with several seeds and compared on real photos',
        description='Train and test the cells of a plan one after the other, each in a process of '
        'its own. Finished ones are skipped and interrupted ones resumed. Writes a table of PCK '
        'and of the differences, with intervals over persons and seeds, and a figure.',
    )
    lspet.add_argument('--plan', required=True, metavar='FILE.py', help='cells and comparisons')
    lspet.add_argument(
        '--work-dir', metavar='DIR', help='of all runs (default: work_dirs/lspet/<name of plan>)'
    )
    lspet.add_argument(
        '--cells', nargs='+', default=[], metavar='NAME', help='only these and what they need'
    )
    lspet.add_argument('--threads', type=int, default=1, metavar='N', help='(default: 1)')
    lspet.add_argument(
        '--no-run', action='store_true', help='train nothing, report what is finished'
    )
    lspet.add_argument(
        '--bootstrap', type=int, default=2000, metavar='N', help='resamplings (default: 2000)'
    )


def run_lspet(args: argparse.Namespace) -> int:
    """Run the cells of a plan and report them; returns the exit code: 1 when a run failed.

    Raises:
        ConfigError: The plan cannot be used, or a run was begun with other settings.
        DataError: Predictions or labels cannot be read.
    """
    plan = read_plan(args.plan, args.work_dir)
    failed = [] if args.no_run else _run_all(plan, args.cells, args.threads)
    text = _report(plan, args.bootstrap)
    sys.stdout.write(text)
    for name in failed:
        sys.stderr.write(f'{name} failed: see {plan.folder / name}/train.log and test.log\n')
    return int(bool(failed))


def _run_all(plan: Plan, names: Sequence[str], threads: int) -> list[str]:
    """Run cells with every seed; returns the names of the runs that failed.

    What needs a failed run is left out, the others go on.
    """
    failed: list[str] = []
    signal.signal(signal.SIGTERM, _leave)
    runs = plan.order(names)
    for place, run in enumerate(runs, start=1):
        sys.stderr.write(f'[{place}/{len(runs)}] {run.name}\n')
        is_blocked = any(needed.name in failed for needed in plan.needs(run))
        if is_blocked or not (_is_done(run) or _run(plan, run, threads)):
            failed.append(run.name)
    return failed


def _leave(signum: int, frame: object) -> None:
    raise SystemExit(128 + signum)


def _run(plan: Plan, run: Run, threads: int) -> bool:
    """Train and test one cell with one seed; tells whether both went well."""
    from posenas.utils.atomic_io import write_json

    config = _write_config(plan, run)
    folder = str(run.folder)
    train = [run.cell.command, config, '--work-dir', folder, '--seed', str(run.seed), '--resume']
    if not _call([*train, *run.cell.arguments], run.folder / 'train.log', threads):
        return False
    checkpoint = _last_checkpoint(run)
    scores = run.folder / 'scores.json'
    test = ['test', config, checkpoint, '--work-dir', folder, '--out-metrics', str(scores)]
    if not _call(test, run.folder / 'test.log', threads):
        return False
    from posenas.evaluation.stored import read_json

    result = dict(seed=run.seed, minutes=_minutes(run.folder), scores=read_json(scores))
    write_json(run.folder / _RESULT, result, indent=1)
    return True


def _write_config(plan: Plan, run: Run) -> str:
    """Write the config of a run; returns its path.

    Raises:
        ConfigError: The run was begun with another one.
    """
    from posenas.utils.atomic_io import write_text

    needed = {other.cell.name: _last_checkpoint(other) for other in plan.needs(run)}
    text = _configure(run, plan.fill_in(run, needed)).pretty_text
    path = run.config_file
    old = path.read_text(encoding='utf-8') if path.exists() else text
    if old != text:
        lines = difflib.ndiff(old.splitlines(), text.splitlines())
        changes = [' '.join(line.split()) for line in lines if line[0] in '-+']
        raise ConfigError(
            f'{run.name} must go on with the config it was begun with, but the plan or a config '
            f'has changed ({"; ".join(changes[:4])}): undo that or remove {run.folder} and {path}'
        )
    write_text(path, text)
    return str(path)


def _configure(run: Run, options: Mapping[str, Any]) -> 'Config':
    """Load the config of a run, with a metric that keeps the predictions."""
    from posenas.cli.args import load_checked

    cfg = load_checked(run.cell.config, dict(options))
    evaluator = cfg.get('test_evaluator') or []
    if isinstance(evaluator, dict):
        evaluator = evaluator.get('metrics', evaluator)
    metrics = [dict(m) for m in (evaluator if isinstance(evaluator, list) else [evaluator])]
    prefix = str(run.folder / _PREDICTIONS).removesuffix('.keypoints.json')
    keep = dict(type='CocoMetric', format_only=True, nms_mode='none', outfile_prefix=prefix)
    cfg.test_evaluator = [*metrics, keep]
    return cfg


def _last_checkpoint(run: Run) -> str:
    """Return the path of the last checkpoint of a trained run."""
    from posenas.utils.checkpoint import find_latest_checkpoint

    found = find_latest_checkpoint(run.folder)
    if found is None:
        raise ConfigError(f'{run.folder} must hold a checkpoint, got none: train {run.name} first')
    return str(run.folder / Path(found).name)


def _call(words: Sequence[str], log: Path, threads: int) -> bool:
    """Run ``posenas`` with these words, its output in a file; tells whether it went well.

    When this process has to end, the other one is asked to save its state and end too.
    """
    environment = {**os.environ, 'OMP_NUM_THREADS': str(threads)}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('a', encoding='utf-8') as output:
        process = subprocess.Popen(
            [sys.executable, '-m', 'posenas', *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            return process.wait() == 0
        except BaseException:
            process.terminate()
            process.wait()
            raise


def _minutes(folder: Path) -> float | None:
    """Return the time of all updates of a training, from the curves of all its parts."""
    from posenas.visualization import read_scalars

    curves = [read_scalars(path).get('time', ([], [])) for path in folder.rglob('scalars.json')]
    steps = [step for curve in curves for step in curve[0]]
    seconds = [value for curve in curves for value in curve[1]]
    return sum(seconds) / len(seconds) * max(steps) / 60 if seconds else None


def _report(plan: Plan, num_samples: int) -> str:
    """Write the table and the figure of what is finished; returns the table."""
    from posenas.evaluation.runs import compare_runs, score_runs
    from posenas.utils.atomic_io import write_text
    from posenas.visualization import draw_runs

    finished = {name: [r for r in plan.runs_of(name) if _is_done(r)] for name in plan.cells}
    distances = {name: [read_run(run) for run in runs] for name, runs in finished.items()}
    scores = {name: score_runs(of_cell, _THRESHOLD) for name, of_cell in distances.items()}
    differences = {
        question.title: compare_runs(
            distances[question.baseline],
            distances[question.candidate],
            _THRESHOLD,
            num_samples,
        )
        for question in plan.comparisons
        if distances[question.baseline] and distances[question.candidate]
    }
    text = '\n'.join([*_table(plan, finished, scores), '', *_differences(differences), ''])
    write_text(plan.folder / 'results.md', text)
    titles = {name: cell.title or name for name, cell in plan.cells.items()}
    draw_runs(
        plan.folder / 'results.png',
        {titles[name]: values for name, values in scores.items() if len(values)},
        {title: (d.value, d.low, d.high) for title, d in differences.items()},
    )
    return text


def _is_done(run: Run) -> bool:
    return (run.folder / _RESULT).exists()


def read_run(run: Run) -> 'NDArray[floating]':
    """Return how far off the joints of the test set are (G, K), see :func:`read_distances`."""
    from posenas.evaluation.runs import read_distances
    from posenas.utils.config import load_config

    dataset = load_config(run.config_file).test_dataloader.dataset
    labels = Path(dataset.get('data_root') or '', dataset.ann_file)
    return read_distances(labels, run.folder / _PREDICTIONS)


def _table(
    plan: Plan, finished: Mapping[str, Sequence[Run]], scores: Mapping[str, 'NDArray[floating]']
) -> list[str]:
    """Return the lines of the table of cells."""
    from posenas.evaluation.stored import read_json

    results = {
        name: [read_json(r.folder / _RESULT) for r in runs] for name, runs in finished.items()
    }
    measured = [result['scores'] for of_cell in results.values() for result in of_cell]
    others = [name for name in (measured[0] if measured else ()) if name != f'PCK@{_THRESHOLD}']
    lines = _head('network', 'seeds', f'PCK@{_THRESHOLD}-box', 'each seed', *others, 'minutes each')
    for name, cell in plan.cells.items():
        done, planned = len(results[name]), len(cell.seeds)
        count = str(done) if done == planned else f'{done} of {planned}'
        row = [cell.title or name, count]
        if results[name]:
            row += [_mean_and_spread(scores[name]), ', '.join(f'{v:.1f}' for v in scores[name])]
            means = [_mean([r['scores'].get(key) for r in results[name]]) for key in others]
            row += [*means, _mean([r['minutes'] for r in results[name]])]
        lines.append(_line(row + ['-'] * (5 + len(others) - len(row))))
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


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _mean(values: Sequence[float | None]) -> str:
    """Show the mean of what is known of each seed."""
    return '-' if None in values else f'{sum(values) / len(values):.1f}'


def _mean_and_spread(values: 'NDArray[floating]') -> str:
    """Show mean and standard deviation over seeds."""
    spread = f' ± {values.std(ddof=1):.1f}' if len(values) > 1 else ''
    return f'{values.mean():.1f}{spread}'
