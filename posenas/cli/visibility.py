"""Fit how likely keypoints are visible to what people have labelled."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, add_config_options, add_options, count
from posenas.cli.printing import print_lines, print_table
from posenas.cli.reading import check_paths, read_config

if TYPE_CHECKING:
    from posenas.apis import VisibilityReport
    from posenas.evaluation.functional import Interval


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas visibility``."""
    parser = CommandParser(
        'visibility',
        (
            'Learn from human labels how likely keypoints are visible, given their heatmaps. The '
            'network does not change.'
        ),
    )
    add_config_options(parser)
    options = {
        'checkpoint': 'trained weights, or an exported network (.onnx, .xml)',
        '--out FILE.json': dict(
            required=True, help='file to write, for posenas infer --visibility'
        ),
        '--train FILE.json': (
            "labels to fit to, in COCO's layout: 1 for occluded keypoints, 2 "
            'for visible ones (default: the training set)'
        ),
        '--val FILE.json': 'labels of other photos to measure on (default: the validation set)',
        '--images DIR': (
            'folder of the photos of --train and --val (default: folders of the config)'
        ),
        '--picture FILE': 'draw predicted against observed shares (.png, .svg)',
        '--device': dict(help='cpu, cuda:0, ... (default: a GPU if there is one)'),
        '--batch-size N': count(32, 'crops at once'),
    }
    add_options(parser, options)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas visibility``; returns its exit code.

    Raises:
        ConfigError: The network has no heatmaps, or the config no such data.
        DataError: Labels cannot be read, or do not say which keypoints are occluded.
        CheckpointError: The weights do not fit.
        OutputError: A file cannot be written.
    """
    args = build_parser().parse_args(argv)
    check_paths(args, files=('train', 'val'), folders=('images',), new_files=('out', 'picture'))
    from posenas.apis import calibrate_visibility

    report = calibrate_visibility(
        read_config(args),
        args.checkpoint,
        args.out,
        args.train,
        args.val,
        args.images,
        args.picture,
        device=args.device,
        batch_size=args.batch_size,
    )
    _print_report(report, args)
    return 0


def _print_report(report: 'VisibilityReport', args: argparse.Namespace) -> None:
    found = report.reliability
    rows = [
        (f'{predicted:.3f}', _write(observed), count)
        for predicted, observed, count in zip(
            found.predicted, found.observed, found.counts, strict=True
        )
    ]
    columns = ('predicted', 'labelled as visible', 'keypoints')
    print_table(columns, rows, caption='95 % intervals over images', is_plain=True)
    lines = [
        f'{what} {part["file"]}: {part["keypoints"]} keypoints of {part["people"]} people in '
        f'{part["images"]} images, {100 * part["visible"]:.1f} % visible'
        for what, part in (('fitted to', report.fitted), ('measured on', report.measured))
    ]
    lines += [
        f'Brier score {_write(found.brier)}, of one probability for all '
        f'{_write(found.base_brier)}; mean gap {_write(found.error)}; area under the curve '
        f'{_write(found.ranking)}',
        f'wrote {args.out}' + (f' and {args.picture}' if args.picture else ''),
    ]
    print_lines(*lines)


def _write(interval: 'Interval') -> str:
    return f'{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]'
