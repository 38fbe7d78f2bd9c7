"""Keypoints of tracks without jitter: online, from the past alone, and offline, without delay."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posenas.utils import ConfigError
from posenas.utils.checks import check_positive

Floats = NDArray[np.floating]

#: Frames that a filter outlives without a person.
_MAX_GAP = 10
#: Degree of the fitted curve, and at how many usual distances from it a position counts half.
_DEGREE, _OUTLIER = 2, 1.0


@dataclass
class _State:
    """Smoothed positions (K, 2) and speeds (K, 2) at a frame; NaN where nothing is known."""

    frame: int
    positions: Floats
    speeds: Floats


class OneEuroSmoother:
    """Smooth each keypoint by a low pass whose cut-off frequency rises with its speed.

    Casiez, Roussel and Vogel, 1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input
    in Interactive Systems, CHI 2012. Differs from the paper: speeds are in sides of the person's
    box per second, so that the settings hold at any resolution; keypoints without confidence pass
    unchanged and are forgotten.

    Args:
        fps: Frames per second.
        min_cutoff: Cut-off frequency of keypoints at rest, hertz.
        beta: Rise of the cut-off frequency, hertz per side of the box per second.
        speed_cutoff: Cut-off frequency of the speed, hertz.
        kpt_thr: Keypoints with a greater score are smoothed.
    """

    def __init__(
        self,
        fps: float = 25.0,
        min_cutoff: float = 2.0,
        beta: float = 20.0,
        speed_cutoff: float = 2.0,
        kpt_thr: float = 0.3,
    ) -> None:
        check_positive('fps', fps)
        self.fps, self.min_cutoff, self.beta = fps, min_cutoff, beta
        self.speed_cutoff, self.kpt_thr = speed_cutoff, kpt_thr
        self._states: dict[Hashable, _State] = {}

    def smooth(
        self, track: Hashable, frame: int, keypoints: Floats, scores: Floats, size: float
    ) -> Floats:
        """Return the smoothed keypoints (K, 2) of a person.

        Args:
            track: Who it is.
            frame: Number of the frame, above that of the track's last one.
            keypoints: What was found (K, 2), pixels.
            scores: Its scores (K,).
            size: Longer side of the box, pixels.
        """
        found = np.where((scores > self.kpt_thr)[:, None], keypoints, np.nan)
        self._forget(frame)
        state = self._states.get(track)
        if state is None:
            self._states[track] = _State(frame, found, np.zeros_like(found))
            return np.asarray(keypoints)
        time = (frame - state.frame) / self.fps
        known = np.isfinite(state.positions)
        speed = np.where(known, (found - state.positions) / time, 0)
        speed = state.speeds + _gain(self.speed_cutoff, time) * (speed - state.speeds)
        speed = np.where(np.isfinite(speed), speed, 0)
        length = np.linalg.norm(speed, axis=1, keepdims=True) / size
        gain = _gain(self.min_cutoff + self.beta * length, time)
        smooth = np.where(known, state.positions + gain * (found - state.positions), found)
        self._states[track] = _State(frame, smooth, speed)
        return np.where(np.isfinite(smooth), smooth, keypoints)

    def _forget(self, frame: int) -> None:
        """Forget tracks that ended."""
        self._states = {
            key: s for key, s in self._states.items() if 0 <= frame - s.frame <= _MAX_GAP
        }


def _gain(cutoff: Floats | float, time: float) -> Floats | float:
    """Return the share of the new value in a low pass of first order."""
    turns = 2 * np.pi * cutoff * time
    return turns / (turns + 1)


class ZeroPhaseSmoother:
    """Smooth each keypoint by the frames around it, those after it as much as those before.

    A parabola is fitted to the confident positions within ``half_window`` frames, those near in
    time with more weight (Savitzky and Golay, Smoothing and Differentiation of Data by Simplified
    Least Squares Procedures, Analytical Chemistry, 1964), so motion is neither delayed nor cut at
    its turns. A second fit gives less weight to positions far from the first one. Missing frames do
    not matter, and memory is that of one window.

    Args:
        half_window: Frames on each side, at least 2: a parabola goes through any three.
        kpt_thr: Keypoints with a greater score are smoothed.
    """

    def __init__(self, half_window: int = 3, kpt_thr: float = 0.3) -> None:
        if half_window < 2:
            raise ConfigError(f'half_window must be at least 2, got {half_window}')
        self.half_window, self.kpt_thr = half_window, kpt_thr
        self._tracks: dict[Hashable, deque[tuple[int, Floats, Floats]]] = {}

    def add(self, track: Hashable, frame: int, keypoints: Floats, scores: Floats) -> None:
        """Tell the keypoints (K, 2) and scores (K,) of a person, frames in ascending order."""
        points = np.array(keypoints, np.float64)
        self._tracks.setdefault(track, deque()).append((frame, points, np.array(scores)))

    def forget(self, frame: int) -> None:
        """Forget what no frame from ``frame`` on needs."""
        for track, history in list(self._tracks.items()):
            while history and history[0][0] < frame - self.half_window:
                history.popleft()
            if not history:
                del self._tracks[track]

    def smooth(self, track: Hashable, frame: int) -> Floats:
        """Return the smoothed keypoints (K, 2) of a person in a frame that was told."""
        near = [each for each in self._tracks[track] if abs(each[0] - frame) <= self.half_window]
        times = np.array([each[0] - frame for each in near], np.float64)
        points = np.stack([each[1] for each in near])  # (T, K, 2)
        here = int(np.flatnonzero(times == 0)[0])
        confident = np.stack([each[2] for each in near]) > self.kpt_thr  # (T, K)
        usable = confident[here] & (confident.sum(0) > _DEGREE + 1)
        if not usable.any():
            return points[here]
        weights = np.exp(-0.5 * (times / (0.5 * self.half_window)) ** 2)[:, None] * confident
        fitted = _fit(times, points, weights, usable)
        distances = np.linalg.norm(points - fitted, axis=-1)  # (T, K)
        usual = np.median(distances, axis=0) + np.spacing(1.0)
        trusted = weights / (1 + (distances / (_OUTLIER * usual)) ** 2)
        smooth = _fit(times, points, trusted, usable)[here]
        return np.where(usable[:, None], smooth, points[here])


def _fit(times: Floats, points: Floats, weights: Floats, usable: NDArray[np.bool_]) -> Floats:
    """Fit a parabola to each keypoint; returns its positions at the times (T, K, 2)."""
    powers = times[:, None] ** np.arange(_DEGREE + 1)  # (T, 3)
    normal = np.einsum('tk,ti,tj->kij', weights, powers, powers)
    normal[~usable] = np.eye(_DEGREE + 1)
    right = np.einsum('tk,ti,tkd->kid', weights, powers, points)
    return np.asarray(np.einsum('ti,kid->tkd', powers, np.linalg.solve(normal, right)))
