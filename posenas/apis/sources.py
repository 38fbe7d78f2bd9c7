"""What a user hands over to be looked at: files, folders, videos and arrays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from posenas.utils import DataError

if TYPE_CHECKING:
    from posenas.datasets import FrameGap

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
        gaps: Frames of a video that could not be decoded, known once it is read.
    """

    stem: str
    path: Path | None = None
    image: np.ndarray | None = None
    gaps: list['FrameGap'] = field(default_factory=list)

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
        from posenas.datasets import count_frames, open_video  # pictures need no data sets

        if not self.is_video:
            return 1
        try:
            video = open_video(self.path)
        except DataError:
            return 0
        count = count_frames(video)
        video.release()
        return count

    def frames_per_second(self) -> float:
        """Read the speed of a video."""
        from posenas.datasets import open_video

        video = open_video(self.path)
        speed = video.get(cv2.CAP_PROP_FPS) or _DEFAULT_FPS
        video.release()
        return speed


@dataclass(frozen=True, eq=False)
class Frame:
    """One image that was read.

    Attributes:
        source: Where it came from.
        index: Number in its source, from 0.
        position: Number in the call, from 0; those that cannot be read count as well.
        loaded: Sample with ``img`` (H, W, 3) uint8 in the order blue, green, red.
    """

    source: Source
    index: int
    position: int
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
    files = sorted(filter(_is_looked_at, path.iterdir()))
    if not files:
        suffixes = ' '.join((*_IMAGE_SUFFIXES, *_VIDEO_SUFFIXES))
        raise DataError(f'folder {path} must hold images or videos ({suffixes})')
    yield from files


def list_passed_over(inputs: str | Path | np.ndarray | Sequence[Any]) -> list[Path]:
    """List what :func:`list_sources` leaves out of folders: other files, and their folders.

    Hidden files do not count.
    """
    if isinstance(inputs, list | tuple):
        return [path for item in inputs for path in list_passed_over(item)]
    if not isinstance(inputs, str | Path) or not Path(inputs).is_dir():
        return []
    files = sorted(file for file in Path(inputs).iterdir() if not file.name.startswith('.'))
    return [file for file in files if not _is_looked_at(file)]


def _is_looked_at(file: Path) -> bool:
    return file.suffix.lower() in (*_IMAGE_SUFFIXES, *_VIDEO_SUFFIXES) and not file.is_dir()


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
    on_gap: Callable[[Source, 'FrameGap'], None] | None = None,
) -> Iterator[Frame]:
    """Read all images one by one.

    Args:
        sources: Result of :func:`list_sources`.
        load: Turns a file or an array into a sample.
        on_bad: Told of every source that cannot be read; it may raise.
        on_gap: Told of frames of a video that cannot be decoded; :attr:`Source.gaps` has them too.
    """
    start = 0
    for source in sources:
        end = start + 1
        try:
            if source.is_video:
                for frame in _read_video(source, load, start, on_gap):
                    end = frame.position + 1
                    yield frame
                lost = [gap.last for gap in source.gaps if gap.last is not None]
                end = max([end, *(start + last + 1 for last in lost)])
            else:
                image = load(source.image if source.path is None else source.path)
                yield Frame(source, 0, start, image)
        except DataError as error:
            on_bad(source, error)
        start = end


def _read_video(
    source: Source,
    load: Callable[[np.ndarray], dict[str, Any]],
    start: int,
    on_gap: Callable[[Source, 'FrameGap'], None] | None,
) -> Iterator[Frame]:
    from posenas.datasets import decode_frames  # pictures need no data sets

    def note(gap: 'FrameGap') -> None:
        source.gaps.append(gap)
        if on_gap is not None:
            on_gap(source, gap)

    for number, image in decode_frames(source.path, note):
        yield Frame(source, number, start + number, load(image))
