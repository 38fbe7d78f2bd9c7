"""Find what is wrong with a data set before training on it: all of it, not the first error."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posenas.annotations import (
    AnnotationFile,
    Finding,
    Findings,
    read_annotations,
    unnamed_skeleton,
)
from posenas.datasets.annotations import NOBODY, CocoFile
from posenas.datasets.inspection.labels import LABEL_CHECKS, Labels, describe_labels
from posenas.datasets.inspection.sides import check_sides
from posenas.datasets.orientation import Mismatch, compare_size
from posenas.datasets.persons import PersonTable
from posenas.datasets.transforms.loading import decode_image, read_bytes
from posenas.skeletons import Skeleton
from posenas.utils.errors import DataError

ImageRecord = tuple[str, int, int]
Progress = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass
class Report:
    """All that was found in one annotation file and its images.

    Attributes:
        path: The annotation file.
        findings: What is wrong.
        statistics: Sizes and shares, in plain numbers.
        images: File name and stated width and height, 0 if unknown, of each image with people.
        labels: The people with labels; None where there are no annotations.
    """

    path: str
    findings: Findings = field(init=False)
    statistics: dict[str, Any] = field(default_factory=dict)
    images: list[ImageRecord] = field(default_factory=list)
    labels: Labels | None = None

    def __post_init__(self) -> None:
        """Start without findings."""
        self.findings = Findings(self.path)

    def add(self, severity: str, kind: str, place: str, text: str) -> None:
        """Add a finding; see :class:`Finding`."""
        self.findings.append(Finding(severity, kind, place, text))

    def counts(self) -> list[tuple[str, str, int]]:
        """Return severity, kind and number of the findings, errors first, many first."""
        counter: Counter[tuple[str, str]] = Counter()
        for finding in self.findings:
            counter[finding.severity, finding.kind] += finding.number
        rows = [(severity, kind, number) for (severity, kind), number in counter.items()]
        return sorted(rows, key=lambda row: (row[0], -row[2], row[1]))

    @property
    def num_errors(self) -> int:
        """Number of errors."""
        return sum(f.number for f in self.findings if f.severity == 'error')

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the images and labels, as plain data."""
        return {
            'path': self.path,
            'counts': [dict(severity=s, kind=k, number=n) for s, k, n in self.counts()],
            'statistics': self.statistics,
            'findings': [asdict(finding) for finding in self.findings],
        }


def inspect_annotations(
    path: str,
    skeleton: Skeleton | None = None,
    image_folder: str | Path | None = None,
    generation: str = '1.x',
) -> Report:
    """Check a COCO keypoint file: read it as a training does and look at what is left.

    Args:
        path: The file.
        skeleton: Its keypoints; None takes them from its categories.
        image_folder: Where the names of its images start; None does not look for them.
        generation: Cleaning of boxes, see :func:`posenas.geometry.clean_bbox_xywh`.
    """
    report = Report(path)
    try:
        file = read_annotations(path)
    except DataError as error:
        report.add('error', 'unreadable file', path, str(error))
        return report
    if image_folder is not None:
        file.locate_images(str(image_folder))
    if not file.has_annotations:
        report.findings += file.findings
        if not report.num_errors:
            report.add('warning', 'no annotations', path, 'it is usable with detected boxes only')
        report.images = [_image_record(image) for image in file.content['images']]
        report.statistics = {'images': len(report.images)}
        return report
    skeleton = skeleton or _find_skeleton(file)
    if not skeleton.num_joints:
        report.findings += file.findings
        report.add('error', 'nobody to train on', path, 'annotations must have keypoints, got none')
        report.statistics = {'images': len(file.content['images'])}
        return report
    file.check_people(skeleton.num_joints)
    report.findings += file.findings
    coco = CocoFile(file)
    table, lost = coco.labelled(skeleton.num_joints, generation)
    places = np.array([place for place, _ in file.people], int)[file.labelled]
    missing = np.flatnonzero(np.isnan(table.areas))
    text = 'AP by OKS needs areas: give them, or posenas eval --no-area takes 0.53 times the box'
    report.findings.note('area missing', [f'annotations[{places[i]}]' for i in missing], text)
    _inspect_labels(report, Labels.from_table(table, places, lost, skeleton))
    report.statistics = {
        'images': len(file.content['images']),
        'annotations': len(file.content['annotations']),
        'left out': {reason: number for reason, number in file.left_out.items() if number},
        'skeleton': skeleton.name,
        **describe_labels(report.labels),
    }
    return report


def inspect_persons(path: str, persons: PersonTable, skeleton: Skeleton) -> Report:
    """Look at the people of a file in another layout, as a data set has read them."""
    report = Report(path, images=list_images(persons))
    if not persons.is_annotated:
        report.statistics = {'images': len(persons.images)}
        return report
    table = persons.select((persons.visibility > 0).any(axis=1))
    lost = np.full(len(table), '')
    _inspect_labels(report, Labels.from_table(table, np.arange(len(table)), lost, skeleton))
    report.statistics = {
        'images': len(persons.images),
        'skeleton': skeleton.name,
        **describe_labels(report.labels),
    }
    return report


def list_images(persons: PersonTable) -> list[ImageRecord]:
    """Return file name, width and height of the images with people."""
    images = persons.images
    rows = np.unique(persons.image_rows).tolist()
    return [(images.name(row), *images.sizes[row].tolist()) for row in rows]


def _image_record(image: Mapping[str, Any]) -> ImageRecord:
    return image['file_name'], image.get('width', 0), image.get('height', 0)


def _inspect_labels(report: Report, labels: Labels) -> None:
    """Look for what is doubtful about labels, and for people that are lost."""
    report.labels = labels
    for severity, kind, check, text in LABEL_CHECKS:
        for row in np.flatnonzero(check(labels)).tolist():
            place = f'annotations[{labels.places[row]}] (id {labels.ids[row]})'
            report.add(severity, kind, place, text)
    for kind, joint, text in check_sides(labels.skeleton, labels):
        report.add('warning', kind, joint, text)
    kept = (labels.lost == '').sum()
    if not kept and not report.num_errors:
        report.add('error', 'nobody to train on', report.path, NOBODY)
    images = labels.images
    rows = np.unique(labels.image_rows).tolist()
    report.images = [(images.name(row), *images.sizes[row].tolist()) for row in rows]


def _find_skeleton(file: AnnotationFile) -> Skeleton:
    """Return the skeleton that the file names, else one with as many keypoints as usual."""
    if file.skeleton is not None:
        return file.skeleton
    if not any(found.kind == 'malformed skeleton' for found in file.findings):
        text = 'name the keypoints under keypoints; otherwise left and right are unknown'
        file.findings.note('keypoints without names', ['categories'], text)
    return unnamed_skeleton(file)


def inspect_images(
    report: Report,
    folder: str | Path,
    num_threads: int = 1,
    progress: Progress = iter,
    color_type: str = 'color',
) -> None:
    """Decode every image of ``report`` and compare it with what the annotations say.

    Args:
        report: Findings are added to it.
        folder: Where the file names start.
        num_threads: Images decoded at a time.
        progress: Wraps the images to show where the check is.
        color_type: How images are decoded, see :func:`decode_image`.
    """

    def check(image: ImageRecord) -> tuple[str, Mismatch | None]:
        name, width, height = image
        path = os.path.join(folder, name)
        try:
            content = read_bytes(path)
            shape = decode_image(path, content, color_type).shape
        except DataError as error:
            return str(error), None
        stated = (width, height) if width and height else None
        return '', compare_size(content, shape[1::-1], stated, 'ignore' not in color_type)

    broken = 0
    with ThreadPoolExecutor(num_threads) as pool:
        results = pool.map(check, report.images)
        for (name, _, _), (error, found) in zip(progress(report.images), results, strict=True):
            if error:
                broken += 1
                report.add('error', 'unreadable image', name, error)
            elif found is not None:
                severity = 'error' if found.is_sure else 'warning'
                report.add(severity, found.kind, name, found.text)
    report.statistics['images decoded'] = len(report.images) - broken
    if broken:
        report.statistics['images not decoded'] = broken
