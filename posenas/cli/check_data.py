"""Find broken images and annotations before training."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posenas.cli.args import CommandParser
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from posenas.datasets import BaseTopdownDataset
    from posenas.datasets.inspection.report import Report

__all__ = ['build_parser', 'main']

#: Findings of one kind that are shown; the report file has all.
_SHOWN = 3


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas check-data``."""
    parser = CommandParser('check-data', 'Find broken images and annotations before training.')
    parser.add_argument(
        'source', help='COCO keypoint file (.json), or a config whose data sets are checked'
    )
    parser.add_argument(
        '--images',
        metavar='DIR',
        help='folder of the images of a COCO keypoint file (default: its own folder)',
    )
    parser.add_argument(
        '--skeleton',
        metavar='NAME',
        help='built-in skeleton of a COCO keypoint file that names no joints, such as coco',
    )
    parser.add_argument(
        '--skip-images', action='store_true', help='check annotations only, without decoding'
    )
    parser.add_argument(
        '--threads', type=int, default=2, metavar='N', help='images decoded at a time (default: 2)'
    )
    parser.add_argument(
        '--out',
        default='check_data.json',
        metavar='FILE',
        help='report with every finding and the statistics (default: ./%(default)s)',
    )
    parser.add_argument(
        '--out-dir',
        metavar='DIR',
        help='draw box sizes, joints per person, visibility per joint and the mean pose here',
    )
    return parser


def _datasets(config: str) -> Iterator['BaseTopdownDataset']:
    """Yield the data sets of all phases of a config, those with the same files once."""
    from posenas.apis.building import load_checked
    from posenas.datasets import BaseTopdownDataset
    from posenas.datasets.wrappers import list_parts
    from posenas.registry import DATASETS

    cfg = load_checked(config)
    seen = set()
    for phase in ('train', 'val', 'test'):
        loader = cfg.get(f'{phase}_dataloader')
        if loader is None:
            continue
        for part in list_parts(loader['dataset']):
            dataset = DATASETS.build(dict(part, lazy_init=True, pipeline=[]))
            if not isinstance(dataset, BaseTopdownDataset):
                raise ConfigError(
                    f'{phase}_dataloader.dataset must consist of data sets of persons to be '
                    f'checked, got {type(dataset).__name__}: check its annotation files one by one'
                )
            files = (dataset.ann_file, dataset.bbox_file)
            if files not in seen:
                seen.add(files)
                yield dataset


def _show_progress(records: Iterable[Any]) -> Iterable[Any]:
    from rich.progress import track

    return track(records, 'checking annotations', transient=True)


def _inspect_file(args: argparse.Namespace) -> 'Report':
    from posenas.datasets.inspection.report import inspect_annotations
    from posenas.skeletons import get_skeleton

    skeleton = args.skeleton and get_skeleton(args.skeleton)
    return inspect_annotations(args.source, skeleton, _show_progress)


def _inspect_dataset(dataset: 'BaseTopdownDataset') -> 'Report':
    """Check the annotation file, and that the data set accepts it and its boxes."""
    from posenas.datasets.inspection.report import inspect_annotations
    from posenas.utils.errors import DataError

    report = inspect_annotations(dataset.ann_file, None, _show_progress)
    try:
        report.statistics['samples'] = len(dataset)
    except DataError as error:
        report.add('error', 'refused by the data set', type(dataset).__name__, str(error))
    return report


def _print_report(report: 'Report') -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table('', 'found', 'number', 'for instance', title=report.path, title_justify='left')
    for severity, kind, number in report.counts():
        examples = [f for f in report.findings if (f.severity, f.kind) == (severity, kind)]
        places = ', '.join(finding.place for finding in examples[:_SHOWN])
        style = 'bold red' if severity == 'error' else 'yellow'
        table.add_row(f'[{style}]{severity}', kind, str(number), f'{places}: {examples[0].text}')
    if report.findings:
        console.print(table)
    else:
        console.print(f'{report.path}: nothing wrong was found')
    statistics = Table('statistic', 'value', show_header=False)
    for name, value in report.statistics.items():
        pairs = value.items() if isinstance(value, dict) else ()
        text = ', '.join(f'{key} {entry}' for key, entry in pairs) or str(value)
        statistics.add_row(name, text)
    console.print(statistics)


def _draw(folder: str | Path, report: 'Report') -> None:
    from rich.console import Console

    from posenas.visualization import draw_label_charts

    labels = report.labels
    for path in draw_label_charts(folder, labels.keypoints, labels.bboxes, labels.skeleton):
        Console(soft_wrap=True, highlight=False).print(f'drawn: {path}')


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas check-data``; the exit code is 1 if there is an error.

    Raises:
        ConfigError: ``--threads`` is not positive, or the config or skeleton does not exist.
    """
    args = build_parser().parse_args(argv)
    if args.threads < 1:
        raise ConfigError(f'--threads must be at least 1, got {args.threads}')
    from rich.progress import track

    from posenas.datasets.inspection.report import inspect_images
    from posenas.utils.atomic_io import write_json

    if args.source.endswith('.json'):
        folder = args.images or Path(args.source).parent
        checks = [(_inspect_file(args), folder)]
    else:
        checks = [(_inspect_dataset(data), data.image_folder) for data in _datasets(args.source)]
    for report, folder in checks:
        if not args.skip_images:
            inspect_images(
                report,
                folder,
                args.threads,
                lambda images: track(images, 'decoding images', transient=True),
            )
        _print_report(report)
        if args.out_dir and report.labels is not None and len(report.labels.places):
            part = Path(report.path).stem if len(checks) > 1 else ''
            _draw(Path(args.out_dir, part), report)
    write_json(args.out, [report.to_dict() for report, _ in checks], indent=1)
    return int(any(report.num_errors for report, _ in checks))
