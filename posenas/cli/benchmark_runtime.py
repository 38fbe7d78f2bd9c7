"""``posenas benchmark runtime``."""

import argparse
from dataclasses import asdict

from posenas.cli.args import Kind, count
from posenas.cli.printing import print_table, show_progress
from posenas.cli.reading import check_paths
from posenas.cli.values import COUNT, WORKERS
from posenas.utils.atomic_io import write_json

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
    columns = (
        'network',
        'form',
        'task',
        'batch',
        'ms',
        '95 %',
        'ratio',
        '/ first',
        '/ single',
        'memory MiB',
        'file MiB',
        'difference',
        'pixels',
    )
    rows = [
        (
            each.network,
            each.form,
            each.task,
            f'{each.batch}',
            f'{each.median_ms:.2f}',
            f'{each.p95_ms:.2f}',
            f'{each.ratio:.2f}',
            '' if each.cost is None else f'{each.cost:.2f}',
            '' if each.single_rate is None else f'{each.single_rate:.2f}',
            f'{each.memory_mb:.0f}',
            f'{each.file_mb:.1f}' if each.file_mb else '',
            f'{each.difference:.0e}' if each.difference else '',
            f'{each.distance:.3f}' if each.difference else '',
        )
        for each in found
    ]
    caption = (
        f'per image; threads: {args.threads}, median of {args.repeat} interleaved rounds; '
        'difference of outputs from PyTorch, relative to their range, and of keypoints'
    )
    print_table(columns, rows, caption=caption, left=columns[:3], is_plain=True)
    if args.json:
        write_json(args.json, [asdict(each) for each in found], indent=1)
