"""``posenas demo``: draw people, train a small network on them, show what it finds."""

import argparse
import shlex
import time
from collections.abc import Mapping, Sequence

from posenas.cli.args import CommandParser, add_options, count
from posenas.cli.printing import print_lines, print_table, show_bar
from posenas.cli.values import COUNT, SEED

#: Files of the work dir and what they hold.
_FILES = {
    'found/': 'what the networks that come with posenas find in ten pictures',
    'predictions.png': 'keypoints of people never seen: annotated left, found right',
    'curves.png': 'loss and scores during training',
    'scores.json': 'the scores',
    'data': 'the synthetic people, in COCO layout',
}
_CAPTIONS = (
    'PCK@0.1-box: percent of the keypoints that are found within a tenth of the box.',
    'AP and AR: COCO counts people whose keypoints are all near, so these are lower.',
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas demo``."""
    parser = CommandParser(
        'demo',
        'Find people in pictures with the networks that come with posenas, then train a small '
        'S-ViPNAS on others, measure it and draw what it finds.',
    )
    options = {
        '--work-dir DIR': 'new or empty folder (default: work_dirs/demo/<date and time>)',
        '--seed N': count(0, 'seed of data and training', SEED),
        '--num-images N': count(3000, 'training images'),
        '--num-val-images N': count(300, 'validation images'),
        '--epochs N': dict(type=COUNT, help='passes over the images (default: the config)'),
    }
    add_options(parser, options)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas demo``; returns its exit code.

    Raises:
        OutputError: The folder holds something.
    """
    args = build_parser().parse_args(argv)
    from posenas.experiments.demo import run_demo

    start = time.monotonic()
    numbers = args.num_images, args.num_val_images, args.epochs
    made = run_demo(args.work_dir, args.seed, *numbers, show_bar)
    print_lines(f'networks that come with posenas: {made.num_found} people in ten pictures')
    _print_scores(made.scores, made.mean_pose)
    minutes = (time.monotonic() - start) / 60
    print_lines(f'{minutes:.1f} minutes. Everything is in {made.folder}:')
    print_lines(*(f'  {name:16} {what}' for name, what in _FILES.items()))
    print_lines('next: ' + shlex.join(['posenas', *made.next_words]))
    return 0


def _print_scores(scores: Mapping[str, float], baseline: float) -> None:
    pck = 100 * scores['PCK']
    coco = [f'{100 * scores[f"coco/{name}"]:.1f}' for name in ('AP', 'AP .5', 'AR')]
    rows = [
        ('network', f'{pck:.1f}', *coco),
        ('mean pose of the training set', f'{100 * baseline:.1f}', '', '', ''),
        ('difference', f'{pck - 100 * baseline:+.1f}', '', '', ''),
    ]
    title = 'people of a seed that was not trained on'
    print_table(('', 'PCK@0.1-box', 'AP', 'AP .5', 'AR'), rows, title=title, left=('',))
    print_lines(*_CAPTIONS)
