"""Measure speed against a lower bound taken in the same run."""

import argparse
from collections.abc import Sequence

from posenas.cli.args import CommandParser, Kind, add_kinds, count
from posenas.cli.benchmark_blocks import BLOCKS, report_blocks
from posenas.cli.benchmark_people import (
    TRACKING,
    VIDEO,
    report_tracking,
    report_video,
)
from posenas.cli.benchmark_runtime import RUNTIME, report_runtime
from posenas.cli.compare import DESCRIPTION, PLAN_OPTIONS, compare
from posenas.cli.printing import print_table, show_progress
from posenas.cli.reading import check_paths, read_config
from posenas.cli.values import COUNT_OR_NONE, SEED, SIDE, WORKERS
from posenas.utils.atomic_io import write_json

_REPEAT = {'--repeat N': count(5, 'interleaved runs; median counts')}
_BATCH = {'--batch N': count(8, 'images'), **_REPEAT}
_KINDS = {
    'data': Kind(
        'reading of annotations and preparation of samples',
        {
            '--split': dict(
                choices=('train', 'val', 'test'),
                default='train',
                help='part of the data (default: %(default)s)',
            ),
            '--num-samples N': count(200, 'samples of each run'),
            '--annotations-only': 'read annotations, prepare no samples',
            **_REPEAT,
        },
        'Time the data set of a config on one thread. A sample is read, decoded, augmented, '
        'cropped and given its target; the lower bound is reading, decoding and one warp.',
        has_config=True,
    ),
    'import': Kind(
        'start of Python and imports', _REPEAT, ('Time the start of Python and imports.')
    ),
    'evaluation': Kind(
        'scoring of as many results as there are detected boxes on COCO val2017',
        {
            'annotations': 'COCO keypoint file',
            '--num-results N': count(104125, 'random results to score'),
            '--empty-images N': count(2654, 'images without people to add', COUNT_OR_NONE),
            '--seed N': count(0, 'seed of the results', SEED),
            '--out DIR': 'write ground_truth.json and results.json for other evaluators',
        },
        'Time rescoring, OKS-NMS and average precision of random results in processor time; the '
        'lower bound is the bare evaluator.',
    ),
    'posetrack': Kind(
        "scoring of as many frames as PoseTrack 2018's validation set has",
        {
            '--num-videos N': count(170, 'videos'),
            '--num-frames N': count(3902, 'frames of all videos together'),
            '--seed N': count(0, 'seed of annotations and results', SEED),
        },
        'Time precision and tracking scores of random people in processor time; the lower bound is '
        'the distances of all pairs of people and one assignment for each kind of keypoint.',
    ),
    'lspet': Kind('the same as posenas compare', PLAN_OPTIONS, DESCRIPTION),
    'forward': Kind(
        'networks in eval form and in fused form',
        {
            'config': dict(
                nargs='*',
                help='config files or names of networks (default: all but those for synthetic '
                'people)',
            ),
            '--family NAME': 'networks of one family, such as dite-hrnet',
            '--threads N': dict(
                type=WORKERS, nargs='+', default=[1], help='threads of an operation (default: 1)'
            ),
            '--batch N': count(1, 'images'),
            '--out --json FILE.json': dict(
                dest='json', help=('also write the figures to FILE.json')
            ),
            **_REPEAT,
        },
        'Time forward passes at the size of the config, with random weights, in milliseconds per '
        'image. The two forms and the lower bound take turns; the lower bound is the time of as '
        'many multiply-accumulates in dense 3x3 convolutions of 64 channels.',
    ),
    'decode': Kind(
        'decoding of heatmaps to keypoints',
        {
            '--num-samples N': count(1000, 'people'),
            '--network NAME': dict(
                default='s_vipnas_mbv3_coco_256x192',
                help=('network that makes the heatmaps (default: %(default)s)'),
            ),
            **_REPEAT,
        },
        (
            'Time the decoding of 17 heatmaps of 64x48 per person on one thread. It is compared '
            'with the forward pass that makes the heatmaps.'
        ),
    ),
    'search': Kind(
        'steps of a search by gradients',
        _BATCH,
        'Time one step of every strategy on one thread, with random images at the size of the '
        'config, and trace its memory. A step trains the weights and, before that, the '
        'architecture on a batch of its own; the lower bound is a step that trains the weights '
        'alone.',
        has_config=True,
    ),
    'blocks': BLOCKS,
    'runtime': RUNTIME,
    'tracking': TRACKING,
    'video': VIDEO,
    'distillation': Kind(
        'training steps with a frozen teacher',
        {
            'student': 'config file or name of a network',
            'teacher': 'config file or name of a network that finds the same keypoints',
            **_BATCH,
        },
        (
            'Count the bytes that training steps keep for the backward pass, trace their memory '
            'and time them on one thread, with random images at the size of the student. The lower '
            "bound is a step of the student alone, for time plus the teacher's inference."
        ),
    ),
    'supernet': Kind(
        'steps of a supernet',
        {
            '--batch N': count(8, 'images'),
            '--shape H W': dict(
                type=SIDE,
                nargs=2,
                help=('height and width of the images (default: from the config)'),
            ),
            **_REPEAT,
        },
        (
            'Time the passes of one step (largest, smallest and two random architectures) on one '
            'thread, with random images at the size of the config. The lower bound is the passes '
            'of the four derived networks.'
        ),
        has_config=True,
    ),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas benchmark``."""
    parser = CommandParser(
        'benchmark',
        'Measure speed against a lower bound from the same run, or compare trainings.',
    )
    add_kinds(parser, 'what', _KINDS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas benchmark``.

    Raises:
        ConfigError: The config cannot be used.
    """
    args = build_parser().parse_args(argv)
    if args.what == 'lspet':
        return compare(args)
    _REPORTS[args.what](args)
    return 0


def _report_imports(args: argparse.Namespace) -> None:
    from posenas.benchmarks import measure_imports

    rows, bound = [], 0.0
    for name, seconds in measure_imports(args.repeat).items():
        rows.append((name, f'{seconds:.3f}', f'{seconds - bound:+.3f}'))
        bound = seconds if name != 'posenas' else bound  # what follows does not contain it
    print_table(('import', 'seconds', 'added'), rows, title=f'median of {args.repeat}')


def _report_data(args: argparse.Namespace) -> None:
    from posenas.benchmarks import benchmark_data

    found = benchmark_data(
        read_config(args),
        args.split,
        args.num_samples,
        args.repeat,
        args.annotations_only,
        lambda runs: show_progress(runs, 'preparing samples'),
    )
    rows = [
        ('people', f'{found.loading.num_persons:,}'),
        ('reading annotations', f'{found.loading.seconds:.2f} s'),
        ('private memory a worker adds', f'{found.loading.worker_mb:.1f} MiB'),
    ]
    caption, cost = None, found.samples
    if cost:
        rows += [
            ('a sample', f'{cost.sample_ms:.2f} ms'),
            ('the lower bound', f'{cost.bound_ms:.2f} ms'),
            ('sample / bound', f'{cost.ratio:.2f}'),
        ]
        caption = f'{cost.num_samples} samples, median of {cost.num_runs} interleaved runs'
    title = f'{args.split} set of {args.config}'
    print_table(('measurement', 'value'), rows, title=title, caption=caption)


def _report_forward(args: argparse.Namespace) -> None:
    check_paths(args, new_files=('json',))
    from posenas.benchmarks import benchmark_forward

    found = benchmark_forward(
        args.config,
        args.family,
        args.threads,
        args.batch,
        args.repeat,
        lambda configs: show_progress(configs, 'timing networks'),
    )
    rows = [
        {
            'network': each.network,
            'input': f'{each.input_size[1]}x{each.input_size[0]}',
            'GMACs': each.forward.macs / 1e9,
            'threads': each.forward.threads,
            'eval ms': each.forward.eval_ms,
            'fused ms': each.forward.fused_ms,
            'eval / fused': each.forward.ratio,
            'bound ms': each.forward.bound_ms,
            'fused / bound': each.forward.fused_ms / each.forward.bound_ms,
        }
        for each in found
    ]
    cells = [[f'{v:.2f}' if isinstance(v, float) else v for v in row.values()] for row in rows]
    caption = f'ms per image, batch of {args.batch}, median of {args.repeat} rounds'
    print_table(list(rows[0]), cells, caption=caption, left=('network',), is_plain=True)
    if args.json:
        write_json(args.json, rows, indent=1)


def _report_evaluation(args: argparse.Namespace) -> None:
    check_paths(args, new_folders=('out',))
    from posenas.benchmarks import benchmark_evaluation

    cost = benchmark_evaluation(
        args.annotations, args.num_results, args.empty_images, args.seed, args.out
    )
    rows = [
        ('rescoring and OKS-NMS', f'{cost.suppression:.2f} s'),
        ('checks', f'{cost.checks:.2f} s'),
        ('the lower bound: bare evaluator', f'{cost.evaluator:.2f} s'),
        ('total', f'{cost.total:.2f} s'),
        ('total / bound', f'{cost.total / cost.evaluator:.2f}'),
        ('memory of the process', f'{cost.memory_mb:.0f} MiB'),
        ('AP', f'{cost.scores["AP"]:.6f}'),
    ]
    title = f'{cost.num_drawn:,} results, {cost.num_images:,} images'
    print_table(('what', 'value'), rows, title=title)


def _report_posetrack(args: argparse.Namespace) -> None:
    from posenas.benchmarks import benchmark_posetrack

    cost = benchmark_posetrack(args.num_videos, args.num_frames, args.seed)
    rows = [
        ('reading and checks', f'{cost.reading:.2f} s'),
        ('average precision', f'{cost.precision:.2f} s'),
        ('MOTA and MOTP', f'{cost.tracking:.2f} s'),
        ('total', f'{cost.total:.2f} s'),
        ('the lower bound: bare matching', f'{cost.matching:.2f} s'),
        ('total / bound', f'{cost.total / cost.matching:.2f}'),
        ('Total AP', f'{cost.scores["Total AP"]:.2f}'),
        ('Total MOTA', f'{cost.scores["Total MOTA"]:.2f}'),
    ]
    title = (
        f'{cost.num_frames:,} frames of {cost.num_videos:,} videos, {cost.num_people:,} people, '
        f'{cost.num_results:,} results'
    )
    print_table(('what', 'value'), rows, title=title)


def _report_decode(args: argparse.Namespace) -> None:
    from posenas.benchmarks import benchmark_decoding

    cost = benchmark_decoding(args.num_samples, args.repeat, args.network)
    rows = [
        (name, f'{seconds:.3f}', f'{seconds / cost.bound:.4f}')
        for name, seconds in cost.seconds.items()
    ]
    rows.append((f'the lower bound: {args.network}', f'{cost.bound:.1f}', '1'))
    columns = ('refinement', 'seconds', 'of the lower bound')
    print_table(columns, rows, title=f'{args.num_samples:,} people')


def _report_search(args: argparse.Namespace) -> None:
    from posenas.benchmarks import benchmark_search

    rows = [
        (
            cost.strategy,
            f'{cost.seconds:.3f}',
            f'{cost.time_ratio:.2f}',
            f'{cost.peak_memory / 2**20:.0f}',
            f'{cost.memory_ratio:.2f}',
        )
        for cost in benchmark_search(read_config(args), args.batch, args.repeat)
    ]
    columns = ('strategy', 's per step', 'of training', 'MiB', 'of training')
    _print_steps(args, columns, rows, f'{args.config}, batches of {args.batch}')


def _report_supernet(args: argparse.Namespace) -> None:
    from posenas.benchmarks import benchmark_supernet

    size = args.shape and args.shape[::-1]
    cost = benchmark_supernet(read_config(args), args.batch, args.repeat, size)
    width, height = cost.input_size
    row = (
        f'{cost.seconds:.3f}',
        f'{cost.ratio:.3f}',
        *(f'{1e3 * seconds:.2f}' for seconds in (cost.set_fresh, cost.set_again)),
    )
    columns = ('s per step', 'of the networks', 'ms to set one', 'ms to set it again')
    title = f'{args.config}, batches of {args.batch}, {height}x{width}'
    _print_steps(args, columns, [row], title)


def _report_distillation(args: argparse.Namespace) -> None:
    from posenas.benchmarks import benchmark_distillation

    costs = benchmark_distillation(args.student, args.teacher, args.batch, args.repeat)
    alone, bound = costs[0].saved, costs[0].seconds + costs[1].seconds
    rows = [
        (
            cost.name,
            f'{cost.saved / 2**20:.1f}',
            f'{cost.saved / alone:.4f}',
            f'{cost.peak / 2**20:.0f}',
            f'{cost.seconds:.3f}',
            f'{cost.seconds / bound:.2f}',
        )
        for cost in costs
    ]
    columns = 'step', 'kept MiB', 'of student', 'peak MiB', 's', 'of student + inference'
    title = f'{args.student} taught by {args.teacher}, batches of {args.batch}'
    _print_steps(args, columns, rows, title)


def _print_steps(
    args: argparse.Namespace, columns: Sequence[str], rows: Sequence[Sequence[str]], title: str
) -> None:
    """Print what steps of a training cost; the first column names them."""
    caption = f'one thread, median of {args.repeat} interleaved rounds'
    print_table(columns, rows, title=title, caption=caption, left=columns[:1], is_plain=True)


_REPORTS = {
    'blocks': report_blocks,
    'data': _report_data,
    'decode': _report_decode,
    'distillation': _report_distillation,
    'evaluation': _report_evaluation,
    'forward': _report_forward,
    'import': _report_imports,
    'posetrack': _report_posetrack,
    'runtime': report_runtime,
    'search': _report_search,
    'supernet': _report_supernet,
    'tracking': report_tracking,
    'video': report_video,
}
