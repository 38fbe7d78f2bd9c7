"""What a user hands over to be looked at: files, folders, videos, arrays, and boxes for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike

from posenas.utils import DataError
from posenas.utils.files import read_json
from posenas.utils.paths import lend_utf8

_IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
_VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv')
_DEFAULT_FPS = 25.0


@dataclass(frozen=True, eq=False)
class Source:
    """An image or a video.

    Attributes:
        stem: Name for the results, without suffix; no two sources of a call share one.
        path: The file; None for an array.
        image: The array (H, W, 3) uint8 in the order blue, green, red; None for a file.
    """

    stem: str
    path: Path | None = None
    image: np.ndarray | None = None

    @property
    def name(self) -> str:
        """File name, for messages and as the key of boxes."""
        return self.stem if self.path is None else self.path.name

    @property
    def is_video(self) -> bool:
        """Whether the source is a video file."""
        return self.path is not None and self.path.suffix.lower() in _VIDEO_SUFFIXES

    def count_frames(self) -> int:
        """Count images; of a video what its header says, 0 where that is unknown."""
        if not self.is_video:
            return 1
        with lend_utf8(self.path) as name:
            video = cv2.VideoCapture(name)
        count = max(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
        video.release()
        return count

    def frames_per_second(self) -> float:
        """Read the speed of a video."""
        with _open_video(self.path) as video:
            return video.get(cv2.CAP_PROP_FPS) or _DEFAULT_FPS


@dataclass(frozen=True, eq=False)
class Frame:
    """One image that was read.

    Attributes:
        source: Where it came from.
        index: Number in its source, from 0.
        loaded: Sample with ``img`` (H, W, 3) uint8 in the order blue, green, red.
    """

    source: Source
    index: int
    loaded: dict[str, Any]


def list_sources(inputs: str | Path | np.ndarray | Sequence[Any]) -> list[Source]:
    """List what is to be looked at.

    Args:
        inputs: Image or video file, folder of those (not its subfolders), array (H, W, 3) uint8
            in the order blue, green, red, or a list of any of these.

    Raises:
        DataError: A path does not exist, is an address, or a folder holds nothing.
    """
    items = list(_flatten(inputs))
    stems: set[str] = set()
    sources = []
    for i, item in enumerate(items):
        is_array = isinstance(item, np.ndarray)
        stem = _make_unique(f'{i:08d}' if is_array else item.stem, stems)
        sources.append(Source(stem, image=item) if is_array else Source(stem, path=item))
    return sources


def _flatten(inputs: Any) -> Iterator[Path | np.ndarray]:  # noqa: ANN401  (checked here)
    if isinstance(inputs, np.ndarray):
        yield inputs
    elif isinstance(inputs, list | tuple):
        for item in inputs:
            yield from _flatten(item)
    elif isinstance(inputs, str | Path):
        yield from _expand_path(inputs)
    else:
        raise DataError(
            f'inputs must be paths, arrays or lists of those, got {type(inputs).__name__}'
        )


def _expand_path(text: str | Path) -> Iterator[Path]:
    if '://' in str(text) or str(text).startswith('webcam'):
        raise DataError(f'inputs must be local files, got {text}: save it to a file first')
    path = Path(text)
    if not path.is_dir():
        if not path.is_file():
            raise DataError(f'{path} must be an image, a video or a folder, there is none')
        yield path
        return
    suffixes = (*_IMAGE_SUFFIXES, *_VIDEO_SUFFIXES)
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in suffixes)
    if not files:
        raise DataError(f'folder {path} must hold images or videos ({" ".join(suffixes)})')
    yield from files


def _make_unique(stem: str, taken: set[str]) -> str:
    """Return ``stem``, with a number where it is taken, and take it."""
    candidate, number = stem, 2
    while candidate in taken:
        candidate, number = f'{stem}_{number}', number + 1
    taken.add(candidate)
    return candidate


def read_frames(
    sources: Sequence[Source],
    load: Callable[[Path | np.ndarray], dict[str, Any]],
    on_bad: Callable[[Source, DataError], None],
) -> Iterator[Frame]:
    """Read all images one by one.

    Args:
        sources: Result of :func:`list_sources`.
        load: Turns a file or an array into a sample.
        on_bad: Told of every source that cannot be read; it may raise.
    """
    for source in sources:
        try:
            if source.is_video:
                yield from _read_video(source, load)
            else:
                yield Frame(source, 0, load(source.image if source.path is None else source.path))
        except DataError as error:
            on_bad(source, error)


def _read_video(source: Source, load: Callable[[np.ndarray], dict[str, Any]]) -> Iterator[Frame]:
    with _open_video(source.path) as video:
        index = 0
        while True:
            is_read, image = video.read()
            if not is_read:
                break
            yield Frame(source, index, load(image))
            index += 1
    if index == 0:
        raise DataError(f'{source.path}: a video must have frames, none could be decoded')


@contextmanager
def _open_video(path: Path) -> Iterator[cv2.VideoCapture]:
    from posenas.datasets import open_video  # reading pictures needs no data sets

    video = open_video(path)
    try:
        yield video
    finally:
        video.release()


def select_boxes(
    bboxes: ArrayLike | Mapping[str, Any] | None, frame: Frame, position: int
) -> ArrayLike | None:
    """Choose the boxes of one image.

    Args:
        bboxes: Boxes (N, 4) or (N, 5) for every image; a list of those, one per image or frame;
            a dict from file name, its stem or path to either; or None for the whole image.
        frame: The image.
        position: Its number in the call.

    Returns:
        Boxes, none where the dict or list has none for the image; or None.
    """
    if isinstance(bboxes, Mapping):
        source, position = frame.source, frame.index
        keys = (str(source.path), source.name, Path(source.name).stem)
        bboxes = next((bboxes[key] for key in keys if key in bboxes), ())
    if bboxes is None or not _is_per_image(bboxes):
        return bboxes
    return bboxes[position] if position < len(bboxes) else ()


def _is_per_image(bboxes: Any) -> bool:  # noqa: ANN401  (any nesting of sequences)
    """Tell a list of lists of boxes, or of arrays of boxes, from a list of boxes."""
    return any(
        item is None or (np.ndim(item) == 2 if isinstance(item, np.ndarray) else _is_nested(item))
        for item in bboxes
    )


def _is_nested(item: Any) -> bool:  # noqa: ANN401
    return isinstance(item, list | tuple) and any(np.ndim(box) == 1 for box in item)


def read_boxes(path: str | Path) -> dict[str, Any]:
    """Read person boxes from a JSON file.

    Args:
        path: ``{file name: boxes}`` with boxes as :func:`select_boxes` takes them; or a file in
            COCO's layout, whose boxes that are no crowd are taken.

    Returns:
        File name -> boxes x1, y1, x2, y2, with a score where the file has it.

    Raises:
        DataError: The file cannot be read or has another form.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(
            f'{path}: boxes must be a JSON object from file name to boxes or a file in COCO '
            f'layout, got {type(content).__name__}'
        )
    if 'annotations' not in content or 'images' not in content:
        return content
    try:
        return _boxes_of_coco(content)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f'{path}: a COCO file must have images and boxes: {error!r}') from error


def _boxes_of_coco(content: Mapping[str, Any]) -> dict[str, Any]:
    names = {image['id']: Path(image['file_name']).name for image in content['images']}
    boxes: dict[str, Any] = {name: [] for name in names.values()}
    for annotation in content['annotations']:
        if not annotation.get('iscrowd'):
            x, y, width, height = annotation['bbox']
            score = annotation.get('score', 1.0)
            box = [x, y, x + width, y + height, score]
            boxes[names[annotation['image_id']]].append(box)
    return boxes
