"""Frames of a video by their number: from a folder of pictures, or decoded from a file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from posenas.datasets.transforms.loading import decode_image, read_bytes
from posenas.utils.errors import DataError
from posenas.utils.images import IMAGE_SUFFIXES
from posenas.utils.paths import lend_utf8

#: Frames in a row that cannot be decoded after which a video counts as cut short.
MAX_FAILURES = 100


def count_frames(video: cv2.VideoCapture) -> int:
    """Return how many frames the header of an open video promises, 0 where it does not say."""
    return max(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))


def open_video(path: str | Path) -> cv2.VideoCapture:
    """Open a video file for decoding.

    Raises:
        DataError: It does not exist or cannot be decoded.
    """
    if not Path(path).is_file():
        raise DataError(f'{path} must be a video file, got no such file: check the path')
    with lend_utf8(path) as name:
        video = cv2.VideoCapture(name)
    if not video.isOpened():
        raise DataError(f'{path}: a video must be decodable, this file is broken or no video')
    return video


class FrameGap(NamedTuple):
    """Frames of a video file that could not be decoded.

    Attributes:
        first: Number of the first of them.
        last: Number of the last; None where the end of the video is unknown.
    """

    first: int
    last: int | None

    def __str__(self) -> str:
        if self.last is None:
            return f'frames from {self.first} on'
        numbers = f'{self.first} to {self.last}'
        return f'frame {self.first}' if self.first == self.last else f'frames {numbers}'

    @property
    def num_frames(self) -> int:
        """How many frames are known to be missing."""
        return 0 if self.last is None else self.last - self.first + 1


def decode_frames(
    path: str | Path, on_gap: Callable[[FrameGap], None]
) -> Iterator[tuple[int, np.ndarray]]:
    """Decode all frames of a video file, from the first to the last that its header promises.

    Where the header promises none, decoding ends with the first frame that fails: the end and a
    broken frame look the same. It also ends after ``MAX_FAILURES`` failures in a row.

    Args:
        path: Video file.
        on_gap: Told of frames that cannot be decoded, after them; the others keep their numbers.

    Yields:
        Number of the frame, from 0, and the frame (H, W, 3) uint8, in the order blue, green, red.

    Raises:
        DataError: The file does not exist or no frame can be decoded.
    """
    video = open_video(path)
    try:
        promised = count_frames(video)
        number = expected = 0  # of the next frame; after the last one that could be decoded
        while number < expected + MAX_FAILURES:
            is_read, image = video.read()
            if is_read:
                if number > expected:
                    on_gap(FrameGap(expected, number - 1))
                expected = number + 1
                yield number, image
            elif number >= promised:
                break
            number += 1
    finally:
        video.release()
    if not expected:
        raise DataError(f'{path}: a video must have frames, none could be decoded')
    if promised > expected:
        on_gap(FrameGap(expected, promised - 1))
    elif not promised:
        on_gap(FrameGap(expected, None))


class FrameReader:
    """Give any frame of a video.

    A file is decoded in order, since seeking lands on other frames with some codecs: asking for
    rising numbers is quick, for a lower one starts over. Frames that cannot be decoded keep their
    numbers. Copies for other processes open the file themselves.

    Args:
        path: Video file, whose frames count from 0; or folder of pictures named by the number of
            their frame, such as ``000012.jpg``.

    Attributes:
        numbers: Numbers of the frames, ascending; of a file as many as its header says.

    Raises:
        DataError: There is no such file or folder, or no frame in it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._video: cv2.VideoCapture | None = None
        self._next = 0
        self._pictures: dict[int, Path] = {}
        if self.path.is_dir():
            self._pictures = _list_pictures(self.path)
            self.numbers: range | tuple[int, ...] = tuple(sorted(self._pictures))
        else:
            video = open_video(self.path)
            self.numbers = range(count_frames(video))
            video.release()
        if not self.numbers:
            raise DataError(f'{path} must have frames, got none')

    def __len__(self) -> int:
        return len(self.numbers)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {'_video': None, '_next': 0}

    def read(self, number: int) -> np.ndarray:
        """Return frame ``number`` (H, W, 3) uint8, in the order blue, green, red.

        Raises:
            DataError: There is no such frame, or it cannot be decoded.
        """
        if number not in self.numbers:
            raise DataError(
                f'{self.path}: the frame must be one of {self.numbers[0]} to {self.numbers[-1]}'
                f' ({len(self)} frames), got {number}'
            )
        if self._pictures:
            path = str(self._pictures[number])
            return decode_image(path, read_bytes(path))
        return self._decode(number)

    def _decode(self, number: int) -> np.ndarray:
        if self._video is None or number < self._next:
            self.close()
            self._video = open_video(self.path)
        failures = 0
        while self._next < number:
            failures = 0 if self._video.grab() else failures + 1
            if failures == MAX_FAILURES:
                first = self._next - failures + 1
                self.close()
                raise DataError(
                    f'{self.path}: frame {number} must be decodable, but the video is cut short: '
                    f'no frame from {first} on is'
                )
            self._next += 1
        is_read, image = self._video.read()
        self._next += 1
        if not is_read:
            raise DataError(f'{self.path}: frame {number} must be decodable, it is broken or gone')
        return image

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._video is not None:
            self._video.release()
        self._video, self._next = None, 0


def _list_pictures(folder: Path) -> dict[int, Path]:
    """Return the pictures of a folder by the numbers that name them."""
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in IMAGE_SUFFIXES]
    for file in files:
        if not file.stem.isdecimal():
            raise DataError(f'{file}: a picture of a video must be named by its frame, as 000012')
    numbers = [int(file.stem) for file in files]
    if len(set(numbers)) < len(numbers):
        raise DataError(f'{folder} must have one picture per frame, has several of some')
    return dict(zip(numbers, files, strict=True))
