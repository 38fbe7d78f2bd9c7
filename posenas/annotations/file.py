"""The one reader of files in COCO's keypoint layout."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from posenas.annotations.boxes import check_boxes
from posenas.annotations.categories import check_categories
from posenas.annotations.findings import Findings
from posenas.annotations.images import check_images
from posenas.annotations.names import locate_files
from posenas.annotations.people import (
    Rows,
    check_counts,
    check_labels,
    check_links,
    find_people,
)
from posenas.annotations.sources import Source, rearrange
from posenas.annotations.values import as_integer
from posenas.skeletons import Skeleton, make_skeleton
from posenas.utils.files import read_json


class AnnotationFile:
    """A file in COCO's keypoint layout, put right where label tools write it otherwise.

    Whatever reads such a file reads it by this class: training, evaluation, ``dataset init`` and
    ``check-data`` see the same people, refuse the same files and tell the same reasons.

    Args:
        path: Where it came from.
        content: What it holds; changed in place.

    Attributes:
        path: As given.
        content: Images, annotations and categories with integer ids. After :meth:`check_people`
            people have keypoints (x, y, v) and a ``bbox``; ``annotations`` are missing where the
            file has none.
        findings: What is wrong, and what was put right.
        category_ids: Categories of people.
        skeleton: Keypoints that those categories name; None where none does.
        people: Place in the file's list and annotation of single people; none before
            :meth:`check_people`.
        labelled: Which of them have a labelled keypoint (N,) bool.
        left_out: How many other annotations there are, by reason.
    """

    def __init__(self, path: str, content: object) -> None:
        self.path = path
        self.findings = Findings(path)
        if not isinstance(content, dict) or 'images' not in content:
            text = (
                'must be a COCO keypoint file, it must be an object with images, annotations and '
                f'categories, got {content!r:.80}'
            )
            self.findings.refuse('malformed file', path, text)
            content = {} if not isinstance(content, dict) else content
        self.content: dict[str, Any] = content
        images, self.images = check_images(self._list('images', []), self.findings)
        self._raw = self._list('annotations', None)
        used = {
            a['category_id']
            for a in self._raw or ()
            if isinstance(a, dict) and isinstance(a.get('category_id'), int | float | str)
        }
        categories, self.category_ids, self.skeleton = check_categories(
            content.get('categories'), used, self.findings
        )
        content.update(images=images, categories=categories)
        self.people: Rows = []
        self.labelled = np.zeros(0, bool)
        self.left_out: dict[str, int] = {}
        self._stated: dict[int, int] = {}
        self._num_joints: int | None = None

    def _list(self, section: str, default: list | None) -> list | None:
        """Return a list of the file, ``default`` where it has none."""
        if section not in self.content:
            return default
        records = self.content[section]
        if isinstance(records, list):
            return records
        self.findings.refuse('malformed file', section, f'must be a list, got {records!r:.40}')
        return []

    @property
    def has_annotations(self) -> bool:
        """Whether the file lists annotations, be it none."""
        return self._raw is not None

    def count_joints(self) -> int:
        """Return the number of keypoints that the file names, else the most frequent one."""
        if self.skeleton is not None:
            return self.skeleton.num_joints
        lists = (a.get('keypoints') for a in self._raw or () if isinstance(a, dict))
        lengths = Counter(len(k) // 3 for k in lists if isinstance(k, list) and k)
        return lengths.most_common(1)[0][0] if lengths else 0

    def check_people(self, num_joints: int) -> None:
        """Check the annotations, once.

        Args:
            num_joints: Number of keypoints that each person must have.
        """
        if self._num_joints is not None or self._raw is None:
            return
        self._num_joints = num_joints
        rows = check_links(self._raw, self.images, self.findings)
        self._find_people(rows)
        counts = check_labels(self.people, num_joints, self.findings)
        self._stated = check_counts(self.people, counts, self.findings)
        has_box = check_boxes(self.people, counts, self.findings)
        self.labelled = (counts > 0) & has_box
        self.left_out['without keypoints'] = int((counts == 0).sum())
        self.content['annotations'] = [record for _, record in rows]

    def find_people(self) -> Rows:
        """Find the annotations of single people for those who read no keypoints, but boxes.

        Where the file lists no categories, all are people.
        """
        rows = check_links(self._raw or [], self.images, self.findings)
        if not self.content['categories']:
            used = (as_integer(record.get('category_id', 1)) for _, record in rows)
            self.category_ids = frozenset(each for each in used if each is not None)
        self._find_people(rows)
        return self.people

    def _find_people(self, rows: Rows) -> None:
        known = frozenset(category['id'] for category in self.content['categories'])
        self.people, self.left_out = find_people(rows, self.category_ids, known, self.findings)

    def locate_images(self, folder: str) -> None:
        """Give images the names that their files have below ``folder``, where they differ."""
        images = self.content['images']
        found = locate_files([image['file_name'] for image in images], folder)
        places = [f'{images[place]["file_name"]} is {name}' for place, name in found.items()]
        for place, name in found.items():
            images[place]['file_name'] = name
        text = 'the names are not those of files in the folder of the images, these are'
        self.findings.note('file name', places, text)

    def people_content(self, keep_counts: bool = False) -> dict[str, Any]:
        """Return the file with its people alone, as evaluations take it.

        Args:
            keep_counts: Whether ``num_keypoints`` stays as stated, by which CrowdPose is scored.
        """
        people = [
            record
            for record in self.content.get('annotations', ())
            if record.get('category_id', 1) in self.category_ids
        ]
        if keep_counts:
            people = [
                record | {'num_keypoints': self._stated[record['id']]}
                if record['id'] in self._stated
                else record
                for record in people
            ]
        listed = [c for c in self.content['categories'] if c['id'] in self.category_ids]
        listed = listed or [dict(id=each) for each in sorted(self.category_ids)]
        return self.content | dict(annotations=people, categories=listed)


def read_annotations(
    path: str, backend_args: Mapping | None = None, source: Source | None = None
) -> AnnotationFile:
    """Read a file in COCO's keypoint layout; what is wrong with it is among its findings.

    Args:
        path: The file.
        backend_args: Backend of the file, for mmengine's fileio.
        source: How its data set writes keypoints; None is as COCO does.

    Raises:
        DataError: It cannot be read or is not JSON.
    """
    content = read_json(path, backend_args)
    if source is not None and isinstance(content, dict):
        records = content.get('annotations')
        if isinstance(records, list):
            content['annotations'] = list(rearrange(records, source))
    return AnnotationFile(path, content)


def unnamed_skeleton(file: AnnotationFile) -> Skeleton:
    """Return a skeleton for a file that names no keypoints, with numbers for names."""
    return make_skeleton('unnamed', [f'joint_{i}' for i in range(file.count_joints())])
