"""Videos that are written, whole or not at all."""

import os
from pathlib import Path

import cv2
import numpy as np

from posenas.utils import OutputError, make_folder
from posenas.utils.paths import lend_utf8, to_utf8


class VideoFile:
    """An MP4 file that gets its name when it is finished.

    Args:
        path: File to write.
        fps: Frames per second.
        size: Width and height, pixels.
    """

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        self.path = path
        name = to_utf8(path.stem)
        self.part = path.with_name(f'.{name}.part{path.suffix}')  # the suffix sets the form
        make_folder(path.parent)
        self.size = size
        self.num_frames, self.last = 0, None
        with lend_utf8(path.parent) as folder:
            part = str(Path(folder, self.part.name))
            self.writer = cv2.VideoWriter(part, cv2.VideoWriter.fourcc(*'mp4v'), fps, size)
        if not self.writer.isOpened():
            raise OutputError(f'{path} must be writable as a video, the encoder refused it')

    def write(self, number: int, picture: np.ndarray) -> None:
        """Append frame ``number``, (H, W, 3) uint8 RGB, after repeats for those left out."""
        if (picture.shape[1], picture.shape[0]) != self.size:  # the writer would drop it
            picture = cv2.resize(picture, self.size)
        image = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        for _ in range(self.num_frames, number):
            self.writer.write(image if self.last is None else self.last)
        self.writer.write(image)
        self.num_frames, self.last = number + 1, image

    def finish(self) -> None:
        """Close the file and move it to its place.

        Raises:
            OutputError: The file lacks frames, since the encoder does not say that a disk is full.
        """
        self.writer.release()
        found = _count_readable(self.part, self.num_frames)
        if found < self.num_frames:
            size = self.part.stat().st_size if self.part.is_file() else 0
            self.discard()
            raise OutputError(
                f'{self.path} must have {self.num_frames} frames, but after {size} bytes only '
                f'{found} of them can be read back: free space on the disk or change the path'
            )
        os.replace(self.part, self.path)

    def discard(self) -> None:
        """Close the file and remove it."""
        self.writer.release()
        self.part.unlink(missing_ok=True)


def _count_readable(path: Path, wanted: int) -> int:
    """Count the frames that a finished video promises; none where its last one is broken."""
    with lend_utf8(path) as name:
        video = cv2.VideoCapture(name)
    try:
        found = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video.isOpened() else 0
        video.set(cv2.CAP_PROP_POS_FRAMES, wanted - 1)
        return found if video.read()[0] else 0
    finally:
        video.release()
