"""What a user hands over to be looked at: files, folders, addresses, cameras, videos and arrays."""

import glob
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import cv2
import numpy as np

from posenas.utils import DataError
from posenas.utils.images import IMAGE_SUFFIXES
from posenas.utils.paths import lend_utf8

if TYPE_CHECKING:
    from posenas.datasets import FrameGap

#: Images that may have several pages or frames.
_PAGED_SUFFIXES = ('.gif', '.tif', '.tiff', '.webp')
_VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv')
_DEFAULT_FPS = 25.0
_CAMERA = 'webcam'


@dataclass(frozen=True, eq=False)
class Source:
    """An image, or frames of a video, a camera or an iterator.

    Attributes:
        stem: Name for the results, without suffix; no two sources of a call share one.
        path: The file, or the last part of an address; None for what is no file.
        image: The array (H, W, 3) uint8 in the order blue, green, red, or Pillow's image; None for
            a file.
        address: Where the file is downloaded from when its turn comes; None for a local one.
        camera: Number of the camera.
        frames: Frames, each as ``image``.
        gaps: Frames of a video that could not be decoded, known once it is read.
    """

    stem: str
    path: Path | None = None
    image: Any = None
    address: str | None = None
    camera: int | None = None
    frames: Iterator[Any] | None = None
    gaps: list['FrameGap'] = field(default_factory=list)
    _read: list[int] = field(default_factory=lambda: [0])
    _pages: list[int] = field(default_factory=lambda: [1])
    _speed: list[float] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Address or path, for messages."""
        return self.address or str(self.path or self.stem)

    @property
    def num_read(self) -> int:
        """Images that were read."""
        return self._read[0]

    @property
    def num_pages(self) -> int:
        """Pages, or frames, of an image file, known once it is read; the first one is looked at."""
        return self._pages[0]

    @property
    def name(self) -> str:
        """File name, for messages and as the key of boxes."""
        return self.stem if self.path is None else self.path.name

    @property
    def is_live(self) -> bool:
        """Whether frames come from a camera, at its speed."""
        return self.camera is not None

    @property
    def is_video(self) -> bool:
        """Whether the source is a sequence of frames."""
        if self.is_live or self.frames is not None:
            return True
        return self.path is not None and self.path.suffix.lower() in _VIDEO_SUFFIXES

    def fetch(self) -> AbstractContextManager[Path | None]:
        """Return a context with the path of the file, downloaded for as long as it lasts.

        Raises:
            DataError: The address cannot be reached or what came is not whole.
        """
        if self.address is None:
            return nullcontext(self.path)
        from posenas.utils.download import fetch_file

        return fetch_file(self.address, self.path.suffix)

    def count_frames(self) -> int:
        """Count images; of a video what its header says, 0 where that is unknown."""
        from posenas.datasets import count_frames, open_video  # pictures need no data sets

        if not self.is_video:
            return 1
        if self.path is None or self.address is not None:
            return 0
        try:
            video = open_video(self.path)
        except DataError:
            return 0
        count = count_frames(video)
        video.release()
        return count

    def frames_per_second(self) -> float:
        """Return the speed of a video; 25 where nobody says, or an address was not read yet."""
        if not self._speed and self.address is None and self.path is not None:
            self._speed.append(_read_speed(self.path))
        return self._speed[0] if self._speed else _DEFAULT_FPS


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


def list_sources(inputs: Any, rgb: bool = False) -> list[Source]:  # noqa: ANN401  (checked here)
    """List what is to be looked at.

    Args:
        inputs: Image or video file, folder of those (not its subfolders), pattern such as
            ``photos/*.jpg``, http(s) address, ``webcam:0``, array (H, W, 3) uint8, Pillow's image,
            iterator of frames, or a list of any of these.
        rgb: Whether arrays are in the order red, green, blue instead of blue, green, red.

    Raises:
        DataError: A path does not exist, a pattern fits nothing, or a folder holds nothing.
    """
    stems: set[str] = set()
    sources = []
    for number, item in enumerate(_flatten(inputs)):
        kind, value = item
        if kind == 'path':
            sources.append(Source(_make_unique(value.stem, stems), path=value))
        elif kind == 'address':
            path = Path(PurePosixPath(unquote(urlparse(value).path)).name or 'download')
            sources.append(Source(_make_unique(path.stem, stems), path=path, address=value))
        elif kind == 'camera':
            stem = _make_unique(f'{_CAMERA}_{value}', stems)
            sources.append(Source(stem, camera=value))
        elif kind == 'frames':
            stem = _make_unique('frames', stems)
            sources.append(Source(stem, frames=(_to_bgr(frame, rgb) for frame in value)))
        else:
            stem = _make_unique(f'{number:08d}', stems)
            sources.append(Source(stem, image=_to_bgr(value, rgb)))
    return sources


def _flatten(inputs: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  (checked here)
    """Yield what each input is, and the input."""
    if isinstance(inputs, np.ndarray) or _is_pillow(inputs):
        yield 'image', inputs
    elif isinstance(inputs, list | tuple):
        for item in inputs:
            yield from _flatten(item)
    elif isinstance(inputs, str | Path):
        yield from _expand_text(inputs)
    elif isinstance(inputs, Iterator):
        yield 'frames', inputs
    else:
        raise DataError(
            'inputs must be paths, addresses, arrays, images of Pillow, iterators of frames or '
            f'lists of those, got {type(inputs).__name__}'
        )


def _is_pillow(image: object) -> bool:
    """Tell images of Pillow, which nobody has who has not imported it."""
    module = sys.modules.get('PIL.Image')
    return module is not None and isinstance(image, module.Image)


def _to_bgr(image: Any, rgb: bool) -> Any:  # noqa: ANN401  (checked where it is read)
    """Bring an array, or Pillow's image turned as its file says, into the order of OpenCV."""
    if _is_pillow(image):
        from PIL import ImageOps

        turned = np.asarray(ImageOps.exif_transpose(image).convert('RGB'))
        return np.ascontiguousarray(turned[..., ::-1])
    if rgb and isinstance(image, np.ndarray) and image.ndim == 3:
        return np.ascontiguousarray(image[..., ::-1])
    return image


def _expand_text(text: str | Path) -> Iterator[tuple[str, Any]]:
    name = str(text)
    if name.startswith(('http://', 'https://')):
        yield 'address', name
    elif name == _CAMERA or name.startswith(f'{_CAMERA}:'):
        number = name.partition(':')[2] or '0'
        if not number.isdecimal():
            raise DataError(f'a camera must be {_CAMERA}:NUMBER, got {name}')
        yield 'camera', int(number)
    elif '://' in name:
        raise DataError(f'addresses must begin with http:// or https://, got {name}')
    else:
        for path in _expand_path(Path(text)):
            yield 'path', path


def _expand_path(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if path.is_dir():
        files, where = sorted(filter(_is_looked_at, path.iterdir())), 'folder'
    elif glob.has_magic(str(path)):
        found = map(Path, glob.glob(str(path), recursive=True))
        files, where = sorted(filter(_is_looked_at, found)), 'pattern'
    else:
        raise DataError(
            f'{path} must be an image, a video or a folder, got no such file: check the path'
        )
    if not files:
        suffixes = ' '.join((*IMAGE_SUFFIXES, *_VIDEO_SUFFIXES))
        raise DataError(f'{where} {path} must hold images or videos ({suffixes})')
    yield from files


def list_passed_over(inputs: Any) -> list[Path]:  # noqa: ANN401  (checked by list_sources)
    """List what :func:`list_sources` leaves out of folders and patterns: other files, and folders.

    Hidden files do not count.
    """
    if isinstance(inputs, list | tuple):
        return [path for item in inputs for path in list_passed_over(item)]
    if not isinstance(inputs, str | Path) or Path(inputs).is_file() or '://' in str(inputs):
        return []
    is_folder = Path(inputs).is_dir()
    pattern = glob.glob(str(inputs), recursive=True)
    found = Path(inputs).iterdir() if is_folder else map(Path, pattern)
    files = sorted(file for file in found if not file.name.startswith('.'))
    return [file for file in files if not _is_looked_at(file)]


def _is_looked_at(file: Path) -> bool:
    return file.suffix.lower() in (*IMAGE_SUFFIXES, *_VIDEO_SUFFIXES) and not file.is_dir()


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
                    source._read[0] += 1
                    yield frame
                lost = [gap.last for gap in source.gaps if gap.last is not None]
                end = max([end, *(start + last + 1 for last in lost)])
            else:
                with source.fetch() as path:
                    image = load(source.image if path is None else path)
                    if path is not None and path.suffix.lower() in _PAGED_SUFFIXES:
                        with lend_utf8(path) as name:
                            source._pages[0] = cv2.imcount(name)
                source._read[0] += 1
                yield Frame(source, 0, start, image)
        except DataError as error:
            is_named = source.address is None or source.address in str(error)
            on_bad(source, error if is_named else DataError(f'{source.address}: {error}'))
        start = end


def _read_speed(path: Path) -> float:
    """Read the frames per second of a video."""
    from posenas.datasets import open_video

    if not path.is_file():
        return _DEFAULT_FPS
    video = open_video(path)
    speed = video.get(cv2.CAP_PROP_FPS) or _DEFAULT_FPS
    video.release()
    return float(speed)


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

    with source.fetch() as path:
        if source.is_live:
            images = enumerate(_read_camera(source.camera))
        elif source.frames is not None:
            images = enumerate(source.frames)
        else:
            if not source._speed:
                source._speed.append(_read_speed(path))
            images = decode_frames(path, note)
        for number, image in images:
            yield Frame(source, number, start + number, load(image))


def _read_camera(number: int) -> Iterator[np.ndarray]:
    """Yield the frames of a camera, (H, W, 3) uint8 in the order blue, green, red, until it ends.

    Raises:
        DataError: There is no such camera.
    """
    camera = cv2.VideoCapture(number)
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not one of a while ago
    try:
        is_read, image = camera.read()
        if not is_read:
            raise DataError(
                f'{_CAMERA}:{number} must give frames, it gives none: connect a camera, or choose '
                'another number'
            )
        while is_read:
            yield image
            is_read, image = camera.read()
    finally:
        camera.release()
