"""Person boxes that a user hands over, and which image each belongs to."""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.typing import ArrayLike

from posenas.annotations import AnnotationFile, announce, as_number, as_numbers
from posenas.apis.sources import Frame, Source
from posenas.utils import DataError
from posenas.utils.files import read_json
from posenas.utils.value_types import fits_type

Boxes = ArrayLike | Sequence[ArrayLike | None] | Mapping[str, Any]


class BoxFile(dict[str, Any]):
    """Boxes of a file by the names of its images.

    Attributes:
        image_ids: Name -> number of the image, where the file has it.
    """

    image_ids: Mapping[str, int] = MappingProxyType({})


class BoxTable:
    """Which image of a call gets which boxes, and what is left over.

    A name belongs to the image whose path ends with it, folders included; its suffix may be
    missing. Where several names fit an image, the longest counts.

    Args:
        bboxes: Boxes (N, 4) or (N, 5) for every image; a list of those, one per image or frame;
            a dict from the name of a file to either; or None for the whole image.
        sources: Inputs of the call.

    Attributes:
        unused: Names that fit no input.
        without: Inputs whose boxes are not given, with the number of such images.

    Raises:
        DataError: A name fits two inputs, or no name fits any.
    """

    def __init__(self, bboxes: Boxes | None, sources: Sequence[Source]) -> None:
        self.without: dict[str, int] = {}
        self.unused: tuple[str, ...] = ()
        self._names: dict[Source, str] = {}
        self._given = bboxes
        self._last = -1  # position up to which a list was used
        self._last_of: dict[str, int] = {}  # likewise of the lists in a dict
        if isinstance(bboxes, Mapping):
            self._names = _match(bboxes, sources)
            self.unused = tuple(name for name in bboxes if name not in self._names.values())
            if bboxes and sources and not self._names:
                raise DataError(
                    f'boxes must name inputs, got boxes for {_list(bboxes)} but the inputs '
                    f'{_list(source.label for source in sources)}: give the names of the files, '
                    'with or without their folders'
                )

    @property
    def image_ids(self) -> dict[Source, int]:
        """The numbers that the file of the boxes gives to images."""
        numbers = getattr(self._given, 'image_ids', {})
        return {source: numbers[name] for source, name in self._names.items() if name in numbers}

    @property
    def is_given(self) -> bool:
        """Whether there are any boxes."""
        return self._given is not None

    def choose(self, frame: Frame) -> ArrayLike | None:
        """Return the boxes of an image, none where they are not given; None for all of it."""
        boxes, index = self._given, frame.position
        if isinstance(boxes, Mapping):
            name, index = self._names.get(frame.source), frame.index
            boxes = None if name is None else boxes[name]
            if boxes is None:
                return self._miss(frame)
            self._last_of[name] = max(index, self._last_of.get(name, -1))
        if boxes is None or not is_per_image(boxes):
            return boxes
        self._last = max(index, self._last)
        return boxes[index] if index < len(boxes) else self._miss(frame)

    def _miss(self, frame: Frame) -> tuple[()]:
        name = frame.source.label
        self.without[name] = self.without.get(name, 0) + 1
        return ()

    @property
    def surplus(self) -> dict[str, int]:
        """How many entries of lists lie beyond the last image: by name, '' for a plain list."""
        if not isinstance(self._given, Mapping):
            is_list = self._given is not None and is_per_image(self._given)
            return {'': n} if is_list and (n := len(self._given) - 1 - self._last) > 0 else {}
        lists = {name: self._given[name] for name in self._last_of}
        left = {
            name: len(boxes) - 1 - self._last_of[name]
            for name, boxes in lists.items()
            if is_per_image(boxes)
        }
        return {name: count for name, count in left.items() if count > 0}


def _match(names: Mapping[str, Any], sources: Sequence[Source]) -> dict[Source, str]:
    """Give each source the longest name that its path ends with.

    Raises:
        DataError: A name fits two files.
    """
    by_last: dict[str, list[tuple[str, list[str]]]] = {}
    for name in names:
        normal = os.path.abspath(name) if str(name).startswith('..') else os.path.normpath(name)
        parts = [part for part in re.split(r'[\\/]+', normal) if part]
        by_last.setdefault(parts[-1] if parts else '', []).append((name, parts))
    found: dict[Source, str] = {}
    files: dict[str, str] = {}
    for source in sources:
        path = os.path.abspath(source.path) if source.path else source.name
        folders = [part for part in re.split(r'[\\/]+', path) if part][:-1]
        fitting = [
            (len(parts), last == source.name, name)
            for last in dict.fromkeys((source.name, Path(source.name).stem))
            for name, parts in by_last.get(last, ())
            if _ends_with(folders, parts[:-1])
        ]
        if not fitting:
            continue
        found[source] = name = max(fitting)[-1]
        other = files.setdefault(name, path)
        if other != path:
            raise DataError(
                f'the boxes of {name} must fit one input, got {other} and {path}: write the '
                'folder in front of the name'
            )
    return found


def _ends_with(folders: list[str], wanted: list[str]) -> bool:
    return not wanted or folders[-len(wanted) :] == wanted


def _list(names: Any, limit: int = 3) -> str:  # noqa: ANN401  (any iterable of texts)
    names = list(names)
    return ', '.join(names[:limit]) + (f' and {len(names) - limit} more' * (len(names) > limit))


def is_per_image(bboxes: Any) -> bool:  # noqa: ANN401  (any nesting of sequences)
    """Tell a list of lists of boxes, or of arrays of boxes, from a list of boxes."""
    return any(
        item is None or (np.ndim(item) == 2 if isinstance(item, np.ndarray) else _is_nested(item))
        for item in bboxes
    )


def _is_nested(item: Any) -> bool:  # noqa: ANN401
    return isinstance(item, list | tuple) and any(np.iterable(box) for box in item)


def read_boxes(path: str | Path) -> BoxFile:
    """Read person boxes from a JSON file.

    Args:
        path: ``{file name: boxes}`` with boxes as :class:`BoxTable` takes them; or a file in
            COCO's layout, whose boxes of single people are taken.

    Returns:
        File name, with its folders, -> boxes x1, y1, x2, y2, with a score where the file has it.

    Raises:
        DataError: The file cannot be read or has another form.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(
            f'{path}: boxes must be a JSON object from file name to boxes or a file in COCO '
            f'layout, got {type(content).__name__}; a list of detections names no files: add '
            'the images of the data set, as in COCO layout'
        )
    if 'annotations' not in content or 'images' not in content:
        for name, boxes in content.items():
            _check_boxes(boxes, f'{path}: boxes of {name}')
        return BoxFile(content)
    return _boxes_of_coco(content, str(path))


def _check_boxes(boxes: object, what: str) -> None:
    """Require a list of boxes, or of one such list or None, the whole image, per frame."""
    entries = boxes if isinstance(boxes, list) else ['']
    each = [entry for entry in entries if entry is not None and not _is_box(entry)]
    if not all(isinstance(entry, list) and all(map(_is_box, entry)) for entry in each):
        raise DataError(f'{what} must be a list like [[x1, y1, x2, y2], ...], got {boxes!r:.80}')


def _is_box(value: object) -> bool:
    """Tell whether a value is a list of numbers; how many there must be is checked in use."""
    return fits_type(value, list[float])


def _boxes_of_coco(content: dict[str, Any], path: str) -> BoxFile:
    file = AnnotationFile(path, content)
    people = file.find_people()
    names = {image['id']: image['file_name'] for image in content['images']}
    boxes = BoxFile((name, []) for name in names.values())
    boxes.image_ids = {name: image_id for image_id, name in names.items()}
    for place, record in people:
        box, score = as_numbers(record.get('bbox'), 4), as_number(record.get('score', 1.0))
        if box is None or score is None:
            text = f'must be x, y, width, height, and score a number, got {record!r:.80}'
            file.findings.refuse('malformed box', f'annotations[{place}].bbox', text)
            continue
        x, y, width, height = box
        boxes[names[record['image_id']]].append([x, y, x + width, y + height, score])
    file.findings.require()
    if len(boxes) < len(names):
        twice = next(name for name, count in Counter(names.values()).items() if count > 1)
        raise DataError(
            f'{path}: {twice} must name one image, the file lists several of that name: write the '
            'folder in front'
        )
    announce(path, file.findings)
    reasons = ', '.join(f'{count} {why}' for why, count in file.left_out.items() if count)
    if reasons:
        print_log(f'{path}: boxes left out: {reasons}', 'current')
    return boxes
