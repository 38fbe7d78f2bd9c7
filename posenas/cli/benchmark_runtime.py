"""``posenas benchmark runtime``."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from posenas.cli.args import Kind, count
from posenas.cli.printing import print_table, show_progress
from posenas.cli.reading import check_paths
from posenas.cli.values import COUNT, WORKERS
from posenas.utils.atomic_io import write_json

if TYPE_CHECKING:
    from posenas.benchmarks import RuntimeCost

RUNTIME = Kind(
    'networks in PyTorch and in inference engines',
    {
        'networks NET': dict(
            nargs='+',
            help=(
                'config files or names of networks, exported with random weights, or exported files'
            ),
        ),
        '--threads N': count(1, 'threads of an operation', WORKERS),
        '--batch N': dict(
            type=COUNT, nargs='+', default=[1], help='people, or photos, per batch (default: 1)'
        ),
        '--repeat N': count(20, 'interleaved runs'),
        '--compile': 'also time torch.compile, which needs minutes and a compiler',
        '--forward-only': 'time forward passes only',
        '--out --json FILE.json': dict(dest='json', help='also write the figures to FILE.json'),
    },
    (
        'Time networks in PyTorch, ONNX Runtime and OpenVINO: the forward pass, and the whole way '
        'from photo and boxes to keypoints, with and without the flip test, or of a detector from '
        'photo to boxes. All forms of all networks take turns, for every number of images. The '
        'ratio is the time of the first form over that of this form; "/ first" is the time over '
        'that of the first network in the same form; "/ single" is images per second over those of '
        'a batch of 1. One thread is timed by processor time.'
    ),
)

#: Heads of the printed table.
_COLUMNS = (
    *('network', 'form', 'task', 'batch', 'ms', '95 %', 'ratio', '/ first', '/ single'),
    *('memory MiB', 'file MiB', 'difference', 'pixels'),
)


def report_runtime(args: argparse.Namespace) -> None:
    """Print what ``posenas benchmark runtime`` measures."""
    check_paths(args, new_files=('json',))
    from posenas.benchmarks import benchmark_runtime

    found = benchmark_runtime(
        args.networks,
        args.threads,
        args.batch,
        args.repeat,
        args.compile,
        not args.forward_only,
        show_progress,
    )
    rows = [_show_cost(each) for each in found]
    caption = (
        f'per image; threads: {args.threads}, median of {args.repeat} interleaved rounds; '
        'difference of outputs from PyTorch, relative to their range, and of keypoints'
    )
    print_table(_COLUMNS, rows, caption=caption, left=_COLUMNS[:3], is_plain=True)
    if args.json:
        write_json(args.json, [asdict(each) for each in found], indent=1)


def _show_cost(cost: 'RuntimeCost') -> tuple[str, ...]:
    """Return the row of the table."""
    ratios = (cost.ratio, cost.cost, cost.single_rate)
    return (
        *(cost.network, cost.form, cost.task, f'{cost.batch}'),
        *(f'{cost.median_ms:.2f}', f'{cost.p95_ms:.2f}'),
        *('' if ratio is None else f'{ratio:.2f}' for ratio in ratios),
        f'{cost.memory_mb:.0f}',
        f'{cost.file_mb:.1f}' if cost.file_mb else '',
        f'{cost.difference:.0e}' if cost.difference else '',
        f'{cost.distance:.3f}' if cost.difference else '',
    )
