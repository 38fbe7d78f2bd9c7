"""Find broken images and annotations before training."""

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, add_options, count
from posenas.cli.printing import print_lines, print_table, show_progress
from posenas.cli.reading import check_paths
from posenas.cli.values import WORKERS
from posenas.utils.outputs import OUTPUTS, hide_outputs, keep_old_place

if TYPE_CHECKING:
    from posenas.datasets.inspection.report import Report

_OUT = f'{OUTPUTS}/check-data'
#: Findings of one kind that are shown; the report file has all.
_SHOWN = 3


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas check-data``."""
    parser = CommandParser('check-data', 'Find broken images and annotations before training.')
    options = {
        'source': 'COCO keypoint file (.json), or a config whose data sets are checked',
        '--images DIR': 'folder of the images of a COCO keypoint file (default: its own folder)',
        '--skeleton NAME': 'built-in skeleton of a COCO keypoint file that names no keypoints, '
        'such as coco',
        '--skip-images': 'check annotations only, without decoding',
        '--threads N': count(2, 'images decoded at a time', WORKERS),
        '--out DIR': dict(
            default=_OUT,
            help=(
                'folder of check_data.json, with every finding and the statistics, and of '
                'drawings of box sizes, keypoints per person, visibility per keypoint and the '
                'mean pose; FILE.json writes the report alone (default: ./%(default)s; '
                'without git also ./check_data.json)'
            ),
        ),
        '--out-dir DIR': 'another folder for the drawings',
    }
    add_options(parser, options)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas check-data``; the exit code is 1 if there is an error.

    Raises:
        ConfigError: The config or skeleton does not exist.
    """
    args = build_parser().parse_args(argv)
    check_paths(args, folders=('images',))
    is_file = args.out.endswith('.json')
    check_paths(args, **{'new_files' if is_file else 'new_folders': ('out',)})
    check_paths(args, new_folders=('out_dir',))
    from posenas.apis import check_data

    found = check_data(
        args.source,
        args.images,
        args.skeleton,
        args.skip_images,
        args.threads,
        args.out if is_file else f'{args.out}/check_data.json',
        args.out_dir or (None if is_file else args.out),
        show_progress,
    )
    hide_outputs()
    if args.out == _OUT:
        keep_old_place(f'{_OUT}/check_data.json')
    for report in found.reports:
        _print_report(report)
    print_lines(*(f'drawn: {path}' for path in found.pictures))
    return int(found.num_errors > 0)


def _print_report(report: 'Report') -> None:
    if report.findings:
        columns = ('', 'finding', 'number', 'examples')
        print_table(columns, _list_findings(report), title=report.path, is_wrapped=True)
    else:
        print_lines(f'{report.path}: nothing wrong was found')
    rows = []
    for name, value in report.statistics.items():
        pairs = value.items() if isinstance(value, dict) else ()
        rows.append((name, ', '.join(f'{key} {entry}' for key, entry in pairs) or str(value)))
    print_table(('statistic', 'value'), rows, is_wrapped=True)


def _list_findings(report: 'Report') -> Iterator[tuple[object, ...]]:
    """Yield a row for each kind of finding, with a few examples."""
    for severity, kind, number in report.counts():
        examples = [f for f in report.findings if (f.severity, f.kind) == (severity, kind)]
        places = ', '.join(finding.place for finding in examples[:_SHOWN])
        style = 'bold red' if severity == 'error' else 'yellow'
        text = f'{places}: {examples[0].text}'
        yield (severity, style), kind, str(number), text
