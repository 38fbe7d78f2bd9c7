"""Find what is wrong with a data set before training on it: all of it, not the first error."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posenas.datasets.inspection.labels import LABEL_CHECKS, Labels, describe_labels
from posenas.datasets.inspection.sides import check_sides
from posenas.datasets.transforms.loading import decode_image, read_bytes
from posenas.skeletons import Skeleton, make_skeleton, skeleton_from_category
from posenas.utils.errors import DataError
from posenas.utils.files import read_json

ImageRecord = tuple[str, int, int]
Progress = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        severity: 'error' where data is unusable or refused, 'warning' where it is doubtful.
        kind: What is wrong, the same words each time.
        place: Where, such as ``annotations[3] (id 12)`` or the name of an image.
        text: What must hold, or what it means.
    """

    severity: str
    kind: str
    place: str
    text: str


@dataclass
class Report:
    """All that was found in one annotation file and its images.

    Attributes:
        path: The annotation file.
        findings: What is wrong.
        statistics: Sizes and shares, in plain numbers.
        images: File name and stated width and height, 0 if unknown, of each image with people.
        labels: The well-formed people; None where there are no annotations.
    """

    path: str
    findings: list[Finding] = field(default_factory=list)
    statistics: dict[str, Any] = field(default_factory=dict)
    images: list[ImageRecord] = field(default_factory=list)
    labels: Labels | None = None

    def add(self, severity: str, kind: str, place: str, text: str) -> None:
        """Add a finding; see :class:`Finding`."""
        self.findings.append(Finding(severity, kind, place, text))

    def counts(self) -> list[tuple[str, str, int]]:
        """Return severity, kind and number of the findings, errors first, many first."""
        counter = Counter((finding.severity, finding.kind) for finding in self.findings)
        rows = [(severity, kind, number) for (severity, kind), number in counter.items()]
        return sorted(rows, key=lambda row: (row[0], -row[2], row[1]))

    @property
    def num_errors(self) -> int:
        """Number of errors."""
        return sum(finding.severity == 'error' for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the images and labels, as plain data."""
        return {
            'path': self.path,
            'counts': [dict(severity=s, kind=k, number=n) for s, k, n in self.counts()],
            'statistics': self.statistics,
            'findings': [asdict(finding) for finding in self.findings],
        }


def inspect_annotations(
    path: str, skeleton: Skeleton | None = None, progress: Progress = iter
) -> Report:
    """Check a COCO keypoint file.

    Args:
        path: The file.
        skeleton: Its keypoints; None takes them from its categories.
        progress: Wraps the annotations to show where the check is.
    """
    report = Report(path)
    try:
        content = read_json(path)
    except DataError as error:
        report.add('error', 'unreadable file', path, str(error))
        return report
    if not isinstance(content, dict):
        report.add('error', 'malformed file', path, 'it must be an object with images')
        return report
    images = _check_images(report, _list_of(report, content, 'images'))
    if 'annotations' not in content:
        report.add('warning', 'no annotations', path, 'it serves with detected boxes only')
        report.statistics = {'images': len(images)}
        report.images = list(images.values())
        return report
    records = _list_of(report, content, 'annotations')
    skeleton = skeleton or _find_skeleton(report, content, records)
    labels = report.labels = _check_annotations(report, records, images, skeleton, progress)
    for severity, kind, check, text in LABEL_CHECKS:
        for place in labels.places[check(labels)].tolist():
            report.add(severity, kind, f'annotations[{place}] (id {records[place]["id"]})', text)
    for kind, joint, text in check_sides(skeleton, labels):
        report.add('warning', kind, joint, text)
    report.statistics = {
        'images': len(images),
        'annotations': len(records),
        'skeleton': skeleton.name,
        **describe_labels(labels),
    }
    stated = list(images.values())
    report.images = [stated[row] for row in np.unique(labels.image_rows).tolist()]
    return report


def _list_of(report: Report, content: Mapping[str, Any], section: str) -> list:
    records = content.get(section)
    if isinstance(records, list):
        return records
    report.add('error', 'malformed file', section, f'it must be a list, got {records!r:.40}')
    return []


def _find_skeleton(report: Report, content: Mapping[str, Any], records: list) -> Skeleton:
    """Return the skeleton that the file names, else one with as many keypoints as usual."""
    categories = content.get('categories')
    entries = categories if isinstance(categories, list) else []
    named = [entry for entry in entries if isinstance(entry, dict) and 'keypoints' in entry]
    if named:
        try:
            return skeleton_from_category(named[0])
        except DataError as error:
            report.add('error', 'malformed skeleton', 'categories', str(error))
    else:
        text = 'name the keypoints under keypoints, or left and right cannot be told'
        report.add('warning', 'joints without names', 'categories', text)
    lengths = Counter(
        len(record['keypoints']) // 3
        for record in records
        if isinstance(record, dict) and isinstance(record.get('keypoints'), list)
    )
    num_joints = lengths.most_common(1)[0][0] if lengths else 0
    return make_skeleton('unnamed', [f'joint_{i}' for i in range(num_joints)])


def _is_id(value: object) -> bool:
    return isinstance(value, int) and abs(value) < 2**63


def _is_finite_list(value: object, length: int) -> bool:
    if not isinstance(value, list) or len(value) != length:
        return False
    try:
        return math.isfinite(math.fsum(value))
    except (OverflowError, TypeError, ValueError):
        return False


def _check_images(report: Report, records: list) -> dict[int, ImageRecord]:
    """Return file name, width and height of the well-formed images by id."""
    images: dict[int, ImageRecord] = {}
    for place, record in enumerate(records):
        where = f'images[{place}]'
        if not isinstance(record, dict) or not _is_id(record.get('id')):
            report.add('error', 'malformed image', where, 'it must be an object with an integer id')
        elif record['id'] in images:
            report.add('error', 'image id twice', where, f'id {record["id"]} must occur once')
        elif not isinstance(record.get('file_name'), str):
            report.add('error', 'malformed image', where, 'file_name must be a string')
        else:
            size = [record.get(key, 0) for key in ('width', 'height')]
            if not all(isinstance(side, int) and 0 <= side < 2**30 for side in size):
                report.add('error', 'malformed image', where, 'width and height must be integers')
                size = [0, 0]
            images[record['id']] = (record['file_name'], size[0], size[1])
    names = Counter(name for name, _, _ in images.values())
    for name, number in names.items():
        if number > 1:
            report.add('warning', 'image file twice', name, f'{number} images have this file')
    return images


def _is_person(record: Mapping[str, Any]) -> bool:
    """Say whether a record claims labelled keypoints: not a crowd, not stated to have none."""
    return not record.get('iscrowd') and record.get('num_keypoints') != 0


def _annotation_problem(
    record: object, ids: set[int], images: Mapping[int, ImageRecord], num_joints: int
) -> tuple[str, str] | None:
    """Return kind and text of what is malformed about one annotation."""
    if not isinstance(record, dict) or not _is_id(record.get('id')):
        return 'malformed annotation', 'it must be an object with an integer id'
    if record['id'] in ids:
        return 'annotation id twice', f'id {record["id"]} must occur once'
    image_id = record.get('image_id')
    if not _is_id(image_id) or image_id not in images:
        return 'unknown image id', f'image_id must occur in images, got {image_id!r:.40}'
    if not _is_person(record):
        return None
    if not _is_finite_list(record.get('keypoints'), 3 * num_joints):
        text = f'keypoints must be {3 * num_joints} finite numbers: x, y, v of {num_joints} joints'
        return 'malformed keypoints', text
    if not set(record['keypoints'][2::3]) <= {0, 1, 2}:
        return 'malformed keypoints', 'v must be 0, 1 or 2'
    if not _is_finite_list(record.get('bbox'), 4):
        return 'malformed box', 'bbox must be 4 finite numbers: left, top, width, height'
    return None


def _check_annotations(
    report: Report,
    records: list,
    images: Mapping[int, ImageRecord],
    skeleton: Skeleton,
    progress: Progress,
) -> Labels:
    """Report malformed annotations and return the others that have labelled keypoints."""
    ids: set[int] = set()
    good: list[int] = []
    for place, record in enumerate(progress(records)):
        problem = _annotation_problem(record, ids, images, skeleton.num_joints)
        if problem is not None:
            report.add('error', problem[0], f'annotations[{place}]', problem[1])
            continue
        ids.add(record['id'])
        if _is_person(record) and any(record['keypoints'][2::3]):
            good.append(place)
    rows = {image_id: row for row, image_id in enumerate(images)}
    sizes = np.array([image[1:] for image in images.values()], float).reshape(-1, 2)
    image_rows = np.array([rows[records[place]['image_id']] for place in good], int)
    keypoints = [records[place]['keypoints'] for place in good]
    stated = [records[place].get('num_keypoints', -1) for place in good]
    return Labels(
        places=np.array(good, int),
        image_rows=image_rows,
        sizes=np.where(sizes > 0, sizes, np.inf)[image_rows],
        bboxes=np.array([records[place]['bbox'] for place in good], float).reshape(-1, 4),
        keypoints=np.array(keypoints, float).reshape(-1, skeleton.num_joints, 3),
        num_keypoints=np.array([n if isinstance(n, int) else -1 for n in stated], int),
        skeleton=skeleton,
    )


def inspect_images(
    report: Report,
    folder: str | Path,
    num_threads: int = 1,
    progress: Progress = iter,
) -> None:
    """Decode every image of ``report`` and compare its size with the stated one.

    Args:
        report: Findings are added to it.
        folder: Where the file names start.
        num_threads: Images decoded at a time.
        progress: Wraps the images to show where the check is.
    """

    def check(image: ImageRecord) -> tuple[str, str] | None:
        name, width, height = image
        path = str(Path(folder) / name)
        try:
            actual_height, actual_width = decode_image(path, read_bytes(path)).shape[:2]
        except DataError as error:
            return 'unreadable image', str(error)
        if 0 in (width, height) or (width, height) == (actual_width, actual_height):
            return None
        text = f'it is {actual_width} x {actual_height}, the annotations say {width} x {height}'
        return 'image of another size', text

    with ThreadPoolExecutor(num_threads) as pool:
        problems = pool.map(check, report.images)
        for (name, _, _), problem in zip(progress(report.images), problems, strict=True):
            if problem is not None:
                report.add('error', problem[0], name, problem[1])
    report.statistics['images decoded'] = len(report.images)
