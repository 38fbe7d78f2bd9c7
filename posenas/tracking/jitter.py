"""How much keypoints tremble."""

from collections import deque
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


class JitterMeter:
    """Mean acceleration of confident keypoints, in percent of the box's longer side per frame^2.

    It counts keypoints that are confident in three frames in a row. Read it beside the accuracy: a
    filter that holds all keypoints still has no jitter, and is wrong.

    Args:
        kpt_thr: Keypoints with a greater score count.
    """

    def __init__(self, kpt_thr: float = 0.3) -> None:
        self.kpt_thr = kpt_thr
        self._last: dict[Hashable, deque[tuple[int, Floats, Floats]]] = {}
        self._sum, self._count = 0.0, 0
        self._frame = -1

    def add(
        self, track: Hashable, frame: int, keypoints: Floats, scores: Floats, size: float
    ) -> None:
        """Count a person.

        Args:
            track: Who it is.
            frame: Number of the frame.
            keypoints: (K, 2), pixels.
            scores: (K,).
            size: Longer side of the box, pixels.
        """
        if frame != self._frame:
            self._frame = frame
            self._last = {k: v for k, v in self._last.items() if 0 < frame - v[-1][0] <= 1}
        history = self._last.setdefault(track, deque(maxlen=3))
        history.append((frame, np.array(keypoints), np.asarray(scores) > self.kpt_thr))
        if len(history) == 3:
            (_, before, seen), (_, here, also), (_, after, too) = history
            steps = np.linalg.norm(after - 2 * here + before, axis=1)[seen & also & too]
            self._sum += float(steps.sum()) / size
            self._count += len(steps)

    @property
    def mean(self) -> float:
        """Percent of the box's longer side per frame^2; NaN where no keypoint counts."""
        return 100 * self._sum / self._count if self._count else float('nan')
