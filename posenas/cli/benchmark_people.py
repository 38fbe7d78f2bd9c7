"""``posenas benchmark tracking`` and ``posenas benchmark video``."""

import argparse
from dataclasses import asdict

from posenas.cli.args import Kind, count
from posenas.cli.printing import print_table
from posenas.cli.reading import check_paths
from posenas.cli.values import COUNT, SEED, WORKERS
from posenas.utils.atomic_io import write_json

TRACKING = Kind(
    'tracking of people in videos, and smoothing of keypoints',
    {
        '--num-videos N': count(20, 'videos of five people'),
        '--num-frames N': count(120, 'frames of each video'),
        '--seed N': count(0, 'seed of all videos', SEED),
        '--out --json FILE': dict(dest='json', help='also write the figures to FILE'),
    },
    'Follow and smooth synthetic people who cross, hide each other and are missed at times. The '
    'lower bound is association by the overlap of boxes alone.',
)
VIDEO = Kind(
    'posenas infer on videos, end to end',
    {
        'config': 'config file or name of a network',
        'checkpoint': dict(
            nargs='?',
            help='trained weights (default: those that come with the library, or random ones)',
        ),
        '--video FILE': 'video file (default: rendered synthetic people)',
        '--det-weights FILE': 'detector of people (default: given boxes)',
        '--people N': dict(
            type=COUNT,
            nargs='+',
            default=[1, 3, 10],
            help='boxes in each frame, without a detector (default: 1 3 10)',
        ),
        '--num-frames N': count(200, 'frames of each run'),
        '--batch-size N': count(8, 'images at once'),
        '--threads N': count(1, 'threads of an operation', WORKERS),
        '--track': 'follow people',
        '--out --json FILE': dict(dest='json', help='also write the figures to FILE'),
    },
    (
        'Process a video, and write pictures and predictions. The lower bound is the larger of the '
        'slowest stage and the processor time divided by the cores.'
    ),
)


def report_tracking(args: argparse.Namespace) -> None:
    """Print what ``posenas benchmark tracking`` measures."""
    check_paths(args, new_files=('json',))
    from posenas.benchmarks import benchmark_tracking

    found = benchmark_tracking(args.num_videos, args.num_frames, args.seed)
    columns = ('way', 'IDF1', 'HOTA', 'MOTA', 'switches', 'jitter', 'PCK')
    rows = [
        (
            s.name,
            f'{s.idf1:.1f}',
            '-' if s.hota is None else f'{s.hota:.1f}',
            f'{s.mota:.1f}',
            s.switches,
            f'{s.jitter:.2f}',
            f'{s.pck:.2f}',
        )
        for s in found
    ]
    caption = (
        f'{args.num_videos} videos of {args.num_frames} frames; jitter: mean acceleration, % of '
        'the box per frame^2; PCK within 5 % of the box'
        + ('; HOTA: pip install posenas[trackeval]' if found[0].hota is None else '')
    )
    print_table(columns, rows, caption=caption, left=columns[:1], is_plain=True)
    if args.json:
        write_json(args.json, [asdict(each) for each in found], indent=1)


def report_video(args: argparse.Namespace) -> None:
    """Print what ``posenas benchmark video`` measures."""
    check_paths(args, files=('video', 'det_weights'), new_files=('json',))
    from posenas.benchmarks import benchmark_videos

    costs = benchmark_videos(
        args.config,
        args.checkpoint,
        args.video,
        args.det_weights,
        args.people,
        args.num_frames,
        args.batch_size,
        args.threads,
        args.track,
    )
    stages = list(dict.fromkeys(stage for cost in costs for stage in cost.seconds))
    columns = ('people', 'frames/s', *(f'{stage} ms' for stage in stages), 'ratio', 'MiB', 'growth')
    rows = [
        (
            f'{cost.num_people / cost.num_frames:.1f}',
            f'{cost.frames_per_second:.1f}',
            *(f'{1e3 * cost.seconds.get(s, 0.0) / cost.num_frames:.2f}' for s in stages),
            f'{cost.ratio:.2f}',
            f'{cost.memory_mb[1]:.0f}',
            f'{cost.growth:+.2f} %',
        )
        for cost in costs
    ]
    caption = f'ms per frame at work; {args.num_frames} frames, threads: {args.threads}'
    print_table(columns, rows, caption=caption, left=columns[:1], is_plain=True)
    if args.json:
        write_json(args.json, [asdict(cost) for cost in costs], indent=1)
