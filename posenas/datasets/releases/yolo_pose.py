"""Data sets in the layout of YOLO-pose as COCO keypoint files."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from posenas.annotations import LEVELS, as_integer, as_level
from posenas.datasets.releases.files import annotate, read_image_size
from posenas.skeletons import COCO
from posenas.utils.atomic_io import make_folder, write_json
from posenas.utils.errors import DataError
from posenas.utils.files import read_yaml
from posenas.utils.images import IMAGE_SUFFIXES
from posenas.utils.value_types import fits_type

_PARTS = ('train', 'val', 'test')

Progress = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class _Description:
    """What ``data.yaml`` says; K keypoints. ``made`` counts what was put right in its files."""

    path: Path
    root: Path
    parts: dict[str, list[str]]
    num_joints: int
    num_values: int
    classes: dict[int, str]
    joint_names: list[str]
    flip_indices: list[int] | None
    made: Counter[str] = field(default_factory=Counter)

    def categories(self) -> list[dict[str, Any]]:
        shared: dict[str, Any] = dict(keypoints=self.joint_names, skeleton=[])
        if self.joint_names == list(COCO.joint_names):
            shared['skeleton'] = [[first + 1, second + 1] for first, second in COCO.limbs]
        elif self.flip_indices is not None:
            shared['flip_indices'] = self.flip_indices
        return [dict(id=i + 1, name=name) | shared for i, name in self.classes.items()]


def convert_yolo_pose(
    source: str | Path, folder: str | Path, progress: Progress = iter
) -> dict[str, int]:
    """Write ``train.json``, ``val.json`` and ``test.json``, those that ``data.yaml`` names.

    Labels hold a class, the box's centre and size and the keypoints, relative to the image: a line
    for each object, in a file beside the image's folder ``images``, in ``labels``. Keypoints at
    (0, 0) without a third value are unlabelled. Files that name no keypoints but pair them as COCO
    does have COCO's; the pairs of others are written into the category.

    Args:
        source: ``data.yaml``.
        folder: Where to write; file names are relative to the root that ``data.yaml`` names.
        progress: Wraps the images to show where the conversion is.

    Returns:
        Number of objects by file.

    Raises:
        DataError: A file is missing or malformed.
    """
    description = _read_description(Path(source))
    folder, counts = make_folder(folder), {}
    read: set[Path] = set()
    for part, entries in description.parts.items():
        places = [_find_place(description, entry) for entry in entries]
        if part != 'train' and None in places:
            description.made[f'{part} is left out: there is no {entries[places.index(None)]}'] += 1
            continue
        files = [
            file
            for place, entry in zip(places, entries, strict=True)
            for file in _list_images(description, place, entry)
        ]
        images, annotations = [], []
        without = 0
        for number, file in enumerate(progress(files), start=1):
            width, height = size = read_image_size(file)
            is_below = file.is_relative_to(description.root)
            name = file.relative_to(description.root) if is_below else file
            images.append(dict(id=number, file_name=name.as_posix(), width=width, height=height))
            objects = _read_labels(description, file)
            read.add(_label_path(file))
            without += not len(objects)
            for values in objects:
                annotations.append(_convert(values, len(annotations) + 1, number, size))
        content = dict(images=images, annotations=annotations, categories=description.categories())
        write_json(folder / f'{part}.json', content)
        counts[f'{part}.json'] = len(annotations)
        if without:
            text = f'{part}.json: {without} of {len(files)} images have no label, so no people'
            print_log(text, 'current')
    lost = _find_labels(read) - read
    if lost:
        text = f'label files without an image: left out ({min(lost)}'
        description.made[f'{text}, ...)' if len(lost) > 1 else f'{text})'] += len(lost)
    for text, number in description.made.items():
        print_log(f'{source}: {number} x {text}', logger='current', level=logging.WARNING)
    return counts


def _read_description(path: Path) -> _Description:
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise DataError(f'{path} must be a mapping with kpt_shape, names, train and val')
    shape = content.get('kpt_shape')
    if not _are_integers(shape, 2) or shape[0] < 1 or shape[1] not in (2, 3):
        raise DataError(f'{path}: kpt_shape must be [joints, 2 or 3], got {shape!r}')
    flips = content.get('flip_idx') or None
    if flips is not None and (
        not _are_integers(flips, shape[0]) or sorted(flips) != list(range(shape[0]))
    ):
        raise DataError(
            f'{path}: flip_idx must hold each of the {shape[0]} keypoints once, got {flips!r}'
        )
    parts = {
        part: [entries] if isinstance(entries, str) else entries
        for part in _PARTS
        if (entries := content.get(part))
    }
    if not parts or not all(fits_type(entries, list[str]) for entries in parts.values()):
        raise DataError(f'{path}: train, val and test must be folders or lists, got {parts!r:.80}')
    return _Description(
        path=path,
        root=_find_root(path, str(content.get('path') or '')),
        parts=parts,
        num_joints=shape[0],
        num_values=shape[1],
        classes=_read_classes(path, content.get('names')),
        joint_names=_name_joints(path, content.get('kpt_names'), shape[0], flips),
        flip_indices=flips,
    )


def _are_integers(value: object, length: int) -> bool:
    return isinstance(value, list) and len(value) == length and all(type(v) is int for v in value)


def _read_classes(path: Path, names: object) -> dict[int, str]:
    entries = dict(enumerate(names)) if isinstance(names, list) else names
    numbered = (
        {as_integer(key): str(name) for key, name in entries.items()}
        if isinstance(entries, dict)
        else {None: ''}
    )
    if None in numbered:
        raise DataError(f'{path}: names must be a list, or name classes by number, got {names!r}')
    return numbered


def _name_joints(
    path: Path, names: object, num_joints: int, flips: Sequence[int] | None
) -> list[str]:
    """Return the keypoint names: those given (of the first class), COCO's, or numbers."""
    given = next(iter(names.values()), None) if isinstance(names, dict) else names
    if given is None:
        is_coco = num_joints == COCO.num_joints and tuple(flips or ()) == COCO.flip_indices
        return list(COCO.joint_names) if is_coco else [f'joint_{i}' for i in range(num_joints)]
    if not isinstance(given, list) or len(set(map(str, given))) != num_joints:
        raise DataError(f'{path}: kpt_names must be {num_joints} different names, got {names!r}')
    return [str(name) for name in given]


def _find_root(path: Path, root: str) -> Path:
    """Return where parts start: beside ``data.yaml`` where ``path`` is of another machine."""
    named = path.parent / root.replace('\\', '/')
    return (named if named.is_dir() else path.parent).resolve()


def _find_place(description: _Description, entry: str) -> Path | None:
    """Return the folder or list that a part names; None if there is none.

    Roboflow names ``../train/images`` where ``data.yaml`` lies beside ``train``.
    """
    name = entry.replace('\\', '/')
    below = name
    while below.startswith('../'):
        below = below[3:]
    for root in (description.root, description.path.parent):
        for form in (name, below):
            if (root / form).exists():
                if form != name:
                    description.made[f'{entry} was read as {form}'] += 1
                return root / form
    return None


def _list_images(description: _Description, place: Path | None, entry: str) -> list[Path]:
    """Return the images of a folder, with all below it, or of a list with a name a line."""
    if place is not None and place.is_dir():
        found = sorted(f for f in place.rglob('*') if f.suffix.lower() in IMAGE_SUFFIXES)
        hidden = [f for f in found if f.name.startswith('.')]  # macOS puts them into archives
        if hidden:
            description.made[f'hidden files are no images ({hidden[0]})'] += len(hidden)
        return [f for f in found if f not in hidden]
    if place is None or not place.is_file():
        raise DataError(
            f'{description.path}: {entry} must be a folder or a list of images below '
            f'{description.root}, got none'
        )
    lines = place.read_text(encoding='utf-8-sig').split('\n')
    names = [line.strip().replace('\\', '/') for line in lines if line.strip()]
    roots = (place.parent, description.root)
    found = ((root / name for root in roots if (root / name).is_file()) for name in names)
    return [next(files, place.parent / name) for files, name in zip(found, names, strict=True)]


def _label_path(image: Path) -> Path:
    """Return the file of the labels of an image, which need not exist."""
    parts = list(image.parts)
    if 'images' in parts:
        place = len(parts) - 1 - parts[::-1].index('images')
        parts[place] = 'labels'
    return Path(*parts).with_suffix('.txt')


def _find_labels(known: Iterable[Path]) -> set[Path]:
    """Return the label files in the folders of known ones; lists of classes are none."""
    folders = {path.parent for path in known if 'labels' in path.parts or path.is_file()}
    found = {path for folder in folders for path in folder.glob('*.txt')}
    return {p for p in found if p.name != 'classes.txt' and not p.name.startswith('.')}


def _read_labels(description: _Description, image: Path) -> np.ndarray:
    """Return class, box and x, y, v of the objects of an image (n, 5 + 3 K); none without file."""
    path = _label_path(image)
    if not path.is_file():
        return np.zeros((0, 5 + 3 * description.num_joints))
    length = 5 + description.num_joints * description.num_values
    objects = []
    for number, line in enumerate(path.read_text(encoding='utf-8-sig').splitlines(), start=1):
        if line.strip():
            objects.append(_read_line(description, f'{path}, line {number}', line, length))
    return np.array(objects, np.float64).reshape(-1, 5 + 3 * description.num_joints)


def _read_line(description: _Description, where: str, line: str, length: int) -> np.ndarray:
    try:
        values = np.array(line.split(), np.float64)
    except ValueError:
        values = np.zeros(0)
    if len(values) == 5 and np.isfinite(values).all():
        description.made['line with a box alone: an object without labelled keypoints'] += 1
        values = np.concatenate([values, np.zeros(length - 5)])
    if len(values) != length or not np.isfinite(values).all():
        raise DataError(
            f'{where} must hold {length} finite numbers: class, box and {description.num_joints} '
            f'joints with {description.num_values} values, got {line!r:.80}'
        )
    if values[0] not in description.classes:
        raise DataError(
            f'{where} must begin with a class of {sorted(description.classes)}, got {values[0]:g}'
        )
    joints = values[5:].reshape(description.num_joints, description.num_values)
    if description.num_values == 2:
        joints = np.column_stack([joints, 2.0 * joints.any(axis=1)])
    for joint in joints:
        found = as_level(float(joint[2]))
        if found is None:
            raise DataError(f'{where}: the third value of a keypoint must be 0, 1 or 2')
        joint[2] = found[0]
        if found[1]:
            description.made[f'{found[1]}: {LEVELS[found[1]]}'] += 1
    return np.concatenate([values[:5], joints.ravel()])


def _convert(
    values: np.ndarray, number: int, image_id: int, size: tuple[int, int]
) -> dict[str, Any]:
    """Return the annotation of one line, in pixels."""
    center, extent = values[1:3] * size, values[3:5] * size
    box = [round(float(value), 2) for value in (*(center - extent / 2), *extent)]
    joints = values[5:].reshape(-1, 3)
    person = annotate(number, image_id, joints[:, :2] * size, joints[:, 2], box)
    return person | dict(category_id=int(values[0]) + 1)
