"""The images of a file in COCO's layout: ids, names, sizes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from posenas.annotations.findings import Findings
from posenas.annotations.values import are_of, as_integer, values_of

#: Where a name may stand if ``file_name`` is missing.
_OTHER_NAMES = ('path', 'coco_url', 'url', 'flickr_url')
_LARGEST = 2**30


def check_images(records: list[Any], findings: Findings) -> tuple[list[dict], 'ImageIds']:
    """Check images and put right what can be.

    Returns:
        The images that can be used, changed in place; and how ids and names lead to them.
    """
    good = []
    for place, record in enumerate(records):
        if isinstance(record, dict):
            good.append((f'images[{place}]', record))
        else:
            text = f'must be an object, got {record!r:.80}'
            findings.refuse('malformed image', f'images[{place}]', text)
    good = _check_names(good, findings)
    _check_sizes(good, findings)
    originals = _number(good, findings)
    kept = _drop_repeated(good, findings)
    return [record for _, record in kept], ImageIds(kept, originals)


class ImageIds:
    """Lead from what other lists call an image to its id.

    Args:
        images: Place and record of each image, with ids that differ.
        originals: Id as in the file -> id, where ids were numbered anew.
    """

    def __init__(self, images: list[tuple[str, dict]], originals: dict[object, int] | None) -> None:
        self._ids = {record['id'] for _, record in images}
        self._originals = originals or {}
        self._names: dict[str, int | None] = {}
        self._images = images

    def __contains__(self, image_id: object) -> bool:
        return image_id in self._ids

    def find(self, value: object) -> int | None:
        """Return the id that ``value`` means: an id, the text of one, or an image's name."""
        if isinstance(value, str | int | float) and value in self._originals:
            return self._originals[value]
        number = as_integer(value)
        if number is not None and not self._originals and number in self._ids:
            return number
        return self._by_name().get(value) if isinstance(value, str) else None

    def _by_name(self) -> dict[str, int | None]:
        """Return ids by file name, by its last part, and by that without suffix, if unambiguous."""
        if not self._names:
            for _, record in self._images:
                path = PurePosixPath(record['file_name'].replace('\\', '/'))
                for name in {record['file_name'], str(path), path.name, path.stem}:
                    self._names[name] = None if name in self._names else record['id']
        return self._names


def _check_names(images: list[tuple[str, dict]], findings: Findings) -> list[tuple[str, dict]]:
    if are_of([record.get('file_name') for _, record in images], (str,)):
        return images
    named, borrowed = [], []
    for place, record in images:
        if not isinstance(record.get('file_name'), str):
            other = [record[key] for key in _OTHER_NAMES if isinstance(record.get(key), str)]
            if ('file_name' in record and record['file_name'] is not None) or not other:
                text = f'must be a string (the key is required), got {_got(record, "file_name")}'
                findings.refuse('malformed image', f'{place}.file_name{_ident(record)}', text)
                continue
            record['file_name'] = other[0]
            borrowed.append(place)
        named.append((place, record))
    findings.note('image without file_name', borrowed, 'the path or address beside it was taken')
    return named


def _check_sizes(images: list[tuple[str, dict]], findings: Findings) -> None:
    """Make width and height integers, 0 where they are not stated."""
    for key in ('width', 'height'):
        values = [record.get(key, 0) for _, record in images]
        if are_of(values, (int,)) and (not values or 0 <= min(values) <= max(values) <= _LARGEST):
            continue
        for place, record in images:
            value = record.get(key)
            number = 0 if value is None else as_integer(value)
            if number is None or not 0 <= number <= _LARGEST:
                text = f'must be a size in pixels, an integer, got {value!r:.80}'
                findings.refuse('malformed image', f'{place}.{key}{_ident(record)}', text)
                number = 0
            record[key] = number


def _number(images: list[tuple[str, dict]], findings: Findings) -> dict[object, int] | None:
    """Make all ids integers; returns former -> new ids where they had to be numbered anew."""
    values = values_of([record for _, record in images], 'id')
    if are_of(values, (int,)) and all(abs(value) < 2**63 for value in values):
        return None
    numbers = [as_integer(value) for value in values]
    if None not in numbers:
        for (_, record), number in zip(images, numbers, strict=True):
            record['id'] = number
        places = [place for (place, _), v in zip(images, values, strict=True) if type(v) is not int]
        findings.note('image id is no integer', places, 'the integer that it means was taken')
        return None
    originals: dict[object, int] = {}
    for number, (_, record) in enumerate(images, start=1):
        value = record.get('id')
        key = value if isinstance(value, str | int | float) else (number, 'missing')
        record['id'] = originals.setdefault(key, number)
    text = 'all images were numbered from 1; annotations are matched by the id or the name'
    findings.note('image id is no integer', [place for place, _ in images], text)
    return originals


def _drop_repeated(images: list[tuple[str, dict]], findings: Findings) -> list[tuple[str, dict]]:
    seen: dict[int, str] = {}
    kept, repeated = [], []
    for place, record in images:
        name = seen.setdefault(record['id'], record['file_name'])
        if len(seen) > len(kept):
            kept.append((place, record))
        elif name == record['file_name']:
            repeated.append(place)
        else:
            text = f'must occur once in its list, got {record["id"]} of {name} again'
            findings.refuse('image id twice', f'{place}.id', text)
    findings.note('image listed twice', repeated, 'the same id and file; it counts once')
    names = Counter(record['file_name'] for _, record in kept)
    shared = [name for name, number in names.items() if number > 1]
    findings.note('image file twice', shared, 'several images have this file')
    return kept


def _got(record: dict, key: str) -> str:
    return f'{record[key]!r:.80}' if key in record else 'nothing'


def _ident(record: dict) -> str:
    return f' (id {record["id"]!r:.40})' if 'id' in record else ''


def list_videos(images: Sequence[Mapping[str, Any]]) -> list[str] | None:
    """Return the video of each image (I,), ``video_id`` or ``vid_id``; None if they have none."""
    first = images[0] if images else {}
    key = next((key for key in ('video_id', 'vid_id') if key in first), None)
    return None if key is None else [str(image.get(key)) for image in images]
