"""Broken images and annotations, found before training."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posenas.apis.building import ConfigLike, load_checked
from posenas.datasets import BaseTopdownDataset
from posenas.datasets.annotations import LOST
from posenas.datasets.inspection import (
    Report,
    inspect_annotations,
    inspect_images,
    inspect_persons,
    list_images,
)
from posenas.datasets.wrappers import list_parts
from posenas.registry import DATASETS
from posenas.skeletons import get_skeleton
from posenas.utils import ConfigError, DataError, write_json

#: Shows how far a loop is: gets its items and what they are.
Progress = Callable[[Iterable[Any], str], Iterable[Any]]


@dataclass(frozen=True)
class DataCheck:
    """What :func:`check_data` found.

    Attributes:
        reports: Findings and statistics of each annotation file.
        pictures: What was drawn.
    """

    reports: tuple[Report, ...]
    pictures: tuple[Path, ...]

    @property
    def num_errors(self) -> int:
        """Number of errors in all files."""
        return sum(report.num_errors for report in self.reports)


def check_data(
    source: ConfigLike,
    images: str | Path | None = None,
    skeleton: str | None = None,
    skip_images: bool = False,
    num_threads: int = 2,
    out: str | Path | None = None,
    out_dir: str | Path | None = None,
    progress: Progress = lambda items, what: items,
) -> DataCheck:
    """Find all that is wrong with data: malformed annotations, unreadable images, doubtful labels.

    Args:
        source: COCO keypoint file (.json, .json.gz), or a config whose data sets are checked.
        images: Folder of the images of a COCO keypoint file; None takes its own folder.
        skeleton: Name of a built-in skeleton, such as 'coco', for a COCO keypoint file that names
            no keypoints.
        skip_images: Whether images are not decoded.
        num_threads: Images decoded at a time.
        out: File of all findings and statistics; None writes none.
        out_dir: Folder that gets drawings of box sizes, keypoints per person, visibility and the
            mean pose; None draws none.
        progress: Wraps loops to show where the check is.

    Raises:
        ConfigError: The config or skeleton does not exist, or ``num_threads`` is not positive.
    """
    if num_threads < 1:
        raise ConfigError(f'num_threads must be at least 1, got {num_threads}')
    if isinstance(source, str | Path) and str(source).endswith(('.json', '.json.gz')):
        known = get_skeleton(skeleton) if skeleton else None
        folder = images or Path(source).parent
        checks = [(inspect_annotations(str(source), known, folder), folder, 'color')]
    else:
        checks = [
            (report, dataset.image_folder, color_type)
            for dataset, color_type in _build_datasets(source)
            for report in _inspect_dataset(dataset)
        ]
        given = [name for name, value in (('images', images), ('skeleton', skeleton)) if value]
        if given:
            raise ConfigError(
                f'{given[0]} must be left out with a config, which has its own, got {source}'
            )
    pictures: list[Path] = []
    parts = _name_parts([report.path for report, _, _ in checks])
    for (report, folder, color_type), part in zip(checks, parts, strict=True):
        if not skip_images:
            inspect_images(
                report,
                folder,
                num_threads,
                lambda items: progress(items, 'decoding images'),
                color_type,
            )
        if out_dir:
            pictures += _draw(Path(out_dir, part), report)
    if out:
        write_json(out, [report.to_dict() for report, _, _ in checks], indent=1)
    return DataCheck(tuple(report for report, _, _ in checks), tuple(pictures))


def _name_parts(paths: Sequence[str]) -> list[str]:
    """Name the folder of the drawings of each file by it, and by its own folder where two share."""
    if len(paths) == 1:
        return ['']
    stems = [Path(path).stem for path in paths]
    names: list[str] = []
    for path, stem in zip(paths, stems, strict=True):
        name = stem if stems.count(stem) == 1 else f'{Path(path).parent.name}_{stem}'
        names.append(f'{name}_{len(names)}' if name in names else name)
    return names


def _build_datasets(config: ConfigLike) -> Iterator[tuple[BaseTopdownDataset, str]]:
    """Yield the data sets of all splits of a config, and how each decodes its images.

    Those with the same files come once.
    """
    cfg = load_checked(config)
    seen = set()
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader')
        if loader is None:
            continue
        for part in list_parts(loader['dataset']):
            dataset = DATASETS.build(dict(part, lazy_init=True, pipeline=[]))
            if not isinstance(dataset, BaseTopdownDataset):
                raise ConfigError(
                    f'{split}_dataloader.dataset must consist of data sets of people to be '
                    f'checked, got {type(dataset).__name__}: check its annotation files one by one'
                )
            files = (dataset.ann_file, dataset.bbox_file)
            if files not in seen:
                seen.add(files)
                loaders = (s for s in part.get('pipeline', ()) if s.get('type') == 'LoadImage')
                yield dataset, next(loaders, {}).get('color_type', 'color')


def _inspect_dataset(dataset: BaseTopdownDataset) -> list[Report]:
    """Check the annotation files, and that the data set accepts them and its boxes."""
    reports = [
        inspect_annotations(path, dataset.given, dataset.image_folder, dataset.generation)
        for path in dataset.list_files()
    ]
    try:
        persons = dataset.persons
    except DataError as error:
        reports = reports or [Report(dataset.ann_file)]
        text = str(error)
        if not any(report.num_errors for report in reports) or dataset.bbox_file:
            reports[0].add('error', 'refused by the data set', type(dataset).__name__, text)
        return reports
    reports = reports or [inspect_persons(dataset.ann_file, persons, dataset.skeleton)]
    first = reports[0]
    first.statistics['samples'] = len(dataset)
    if dataset.bbox_file:
        first.statistics['detected boxes left out'] = {
            k: n for k, n in dataset.left_out.items() if n
        }
        first.images = list_images(persons)
    else:
        _account(dataset, reports)
    return reports


def _account(dataset: BaseTopdownDataset, reports: list[Report]) -> None:
    """Report people that the data set loses and the checks of its files have not seen."""
    lost = sum(number for reason, number in dataset.left_out.items() if reason in LOST)
    seen = sum(int((report.labels.lost != '').sum()) for report in reports if report.labels)
    if lost > seen:
        text = f'{lost - seen} more people are left out by {type(dataset).__name__}'
        reports[0].add('error', 'left out by the data set', dataset.ann_file, text)


def _draw(folder: Path, report: Report) -> list[Path]:
    """Draw what the labels hold, if there are any."""
    from posenas.visualization import draw_label_charts

    labels = report.labels
    if labels is None or not len(labels.places):
        return []
    return draw_label_charts(folder, labels.keypoints, labels.bboxes, labels.skeleton)
