"""Measure speed against a bound taken in the same run."""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, add_config_options, load_checked
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ['build_parser', 'main', 'measure_imports']

#: What any program on mmengine imports; ours imports more.
_FRAMEWORK = 'import torch, mmengine.runner, mmcv.cnn'
_IMPORTS = {
    'nothing': 'pass',
    'posenas': 'import posenas',
    'torch, mmengine.runner, mmcv.cnn': _FRAMEWORK,
    '... and posenas.apis': f'{_FRAMEWORK}; from posenas.apis import init_model',
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas benchmark``."""
    parser = CommandParser('benchmark', 'Measure speed against a bound taken in the same run.')
    kinds = parser.add_subparsers(
        dest='what', required=True, metavar='WHAT', parser_class=argparse.ArgumentParser
    )
    data = kinds.add_parser(
        'data',
        help='reading annotations and preparing samples',
        description='Time the data set of a config on one thread. A sample is read, decoded, '
        'augmented, cropped and given its target; the bound is reading, decoding and one warp.',
    )
    add_config_options(data)
    data.add_argument('--split', choices=('train', 'val', 'test'), default='train')
    data.add_argument('--num-samples', type=int, default=200, metavar='N', help='in each run')
    data.add_argument(
        '--annotations-only', action='store_true', help='read annotations, prepare no samples'
    )
    imports = kinds.add_parser(
        'import', help='starting Python', description='Time what starting Python costs.'
    )
    for kind in (data, imports):
        kind.add_argument(
            '--repeat', type=int, default=5, metavar='N', help='interleaved runs; median counts'
        )
    return parser


def measure_imports(repeat: int) -> dict[str, float]:
    """Return the median seconds of fresh processes, interleaved, for each set of imports."""
    seconds: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    for _ in range(repeat):
        for name, statement in _IMPORTS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, '-c', statement], check=True)
            seconds[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def _report_imports(repeat: int) -> 'Table':
    from rich.table import Table

    seconds = measure_imports(repeat)
    table = Table('import', 'seconds', 'added', title=f'median of {repeat}', title_justify='left')
    bound = 0.0
    for name, value in seconds.items():
        table.add_row(name, f'{value:.3f}', f'{value - bound:+.3f}')
        bound = value if name != 'posenas' else bound  # what follows does not contain it
    return table


def _report_data(args: argparse.Namespace) -> 'Table':
    from mmengine.registry import init_default_scope
    from rich.progress import track
    from rich.table import Table

    from posenas.datasets.benchmark import measure_loading, measure_samples
    from posenas.registry import DATASETS

    cfg = load_checked(args.config, args.cfg_options, args.legacy, args.strict)
    init_default_scope('posenas')
    settings = dict(cfg[f'{args.split}_dataloader'].dataset, lazy_init=True)
    dataset, loading = measure_loading(lambda: DATASETS.build(settings))
    table = Table('what', 'figure', title=f'{args.split} set of {args.config}')
    table.add_row('persons', f'{loading.num_persons:,}')
    table.add_row('reading annotations', f'{loading.seconds:.2f} s')
    table.add_row('private memory a worker adds', f'{loading.worker_mb:.1f} MiB')
    if not args.annotations_only:
        cost = measure_samples(
            dataset, args.num_samples, args.repeat, lambda runs: track(runs, 'preparing samples')
        )
        table.add_row('a sample', f'{cost.sample_ms:.2f} ms')
        table.add_row('the bound', f'{cost.bound_ms:.2f} ms')
        table.add_row('sample / bound', f'{cost.ratio:.2f}')
        table.caption = f'{cost.num_samples} samples, median of {cost.num_runs} interleaved runs'
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas benchmark``.

    Raises:
        ConfigError: A number is not positive, or the config cannot be used.
    """
    args = build_parser().parse_args(argv)
    if args.repeat < 1:
        raise ConfigError(f'--repeat must be at least 1, got {args.repeat}')
    from rich.console import Console

    table = _report_data(args) if args.what == 'data' else _report_imports(args.repeat)
    Console().print(table)
    return 0
