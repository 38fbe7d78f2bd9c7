"""Who is who in the frames of a video."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from posenas.evaluation.functional import oks_matrix, visible_pairs
from posenas.geometry import bbox_iou
from posenas.utils import ConfigError
from posenas.utils.checks import check_probability

Floats = NDArray[np.floating]

#: Share of the newest step in the speed of a track, once it is long enough.
_SPEED_GAIN = 0.15
#: Share of the pose in the likeness to a track of the frame before; each frame of a gap halves it.
_POSE_SHARE = 0.5
#: By how much of their size boxes grow for each frame that a person was missing, and at most.
_GROWTH, _LARGEST_GROWTH = 0.1, 0.5


@dataclass
class _Track:
    """What is known of a person; ``speed`` (2,), a mean of its steps, is in pixels per frame."""

    identity: int
    frame: int
    bbox: Floats
    speed: Floats
    num_steps: int = 0
    keypoints: Floats | None = None
    scores: Floats | None = None


class PersonTracker:
    """Give people the identity of those they resemble in earlier frames.

    Boxes and poses of a track are moved on at its speed. The likeness of a person and a track is
    a mean of the intersection over union of their boxes and, where both have poses, the object
    keypoint similarity, which counts less after a gap; the largest total likeness wins. Tracks
    seen in the frame before choose first; those missed for up to ``max_gap`` frames choose among
    the people left, with boxes that grow with the gap.

    Args:
        sigmas: Deviation of each keypoint (K,), for the similarity; None compares boxes alone.
        min_likeness: Least likeness of a person and a track.
        max_gap: Frames that a track outlives unseen.
        kpt_thr: Keypoints with a greater score are compared.
        use_motion: Whether tracks are moved on.
    """

    def __init__(
        self,
        sigmas: Floats | None = None,
        min_likeness: float = 0.2,
        max_gap: int = 30,
        kpt_thr: float = 0.3,
        use_motion: bool = True,
    ) -> None:
        check_probability('min_likeness', min_likeness)
        check_probability('kpt_thr', kpt_thr)
        if max_gap < 0:
            raise ConfigError(f'max_gap must be at least 0, got {max_gap}')
        self.sigmas = None if sigmas is None else np.asarray(sigmas, np.float64)
        self.min_likeness, self.max_gap, self.kpt_thr = min_likeness, max_gap, kpt_thr
        self.use_motion = use_motion
        self.num_tracks = 0
        self._source: object = None
        self._frame = -1
        self._tracks: list[_Track] = []

    def follow(
        self,
        source: object,
        frame: int,
        bboxes: Floats,
        keypoints: Floats | None = None,
        scores: Floats | None = None,
    ) -> list[int]:
        """Return the identity of each person in the next frame; no two have the same.

        Args:
            source: The video; another one begins anew, with identities not given before.
            frame: Number of the frame, above that of the last call for the video.
            bboxes: Boxes x1, y1, x2, y2 (N, 4), pixels.
            keypoints: Poses (N, K, 2), pixels; None where they are not known yet.
            scores: Their scores (N, K).

        Raises:
            ValueError: The number of the frame does not rise.
        """
        if source != self._source:
            self._source, self._tracks, self._frame = source, [], frame - 1
        if frame <= self._frame:
            raise ValueError(f'frame must be above {self._frame}, the last one, got {frame}')
        self._frame = frame
        boxes = np.asarray(bboxes, np.float64).reshape(-1, 4)
        points = None if keypoints is None else np.asarray(keypoints, np.float64)
        self._tracks = [t for t in self._tracks if frame - t.frame <= self.max_gap + 1]
        chosen: dict[int, _Track] = {}
        recent = [track for track in self._tracks if frame - track.frame == 1]
        missed = [track for track in self._tracks if frame - track.frame > 1]
        for tracks in (recent, missed):
            rows = [row for row in range(len(boxes)) if row not in chosen]
            likeness = self._compare(tracks, frame, rows, boxes, points, scores)
            for row, column in _assign(likeness, self.min_likeness):
                chosen[rows[row]] = tracks[column]
        for row, box in enumerate(boxes):
            pose = (None, None) if points is None else (points[row], scores[row])
            if row in chosen:
                self._move(chosen[row], frame, box, *pose)
            else:
                chosen[row] = _Track(self.num_tracks, frame, box, np.zeros(2), 0, *pose)
                self._tracks.append(chosen[row])
                self.num_tracks += 1
        return [chosen[row].identity for row in range(len(boxes))]

    def _compare(
        self,
        tracks: list[_Track],
        frame: int,
        rows: list[int],
        boxes: Floats,
        points: Floats | None,
        scores: Floats | None,
    ) -> Floats:
        """Return the likeness (R, T) of people and tracks."""
        if not tracks or not rows:
            return np.zeros((len(rows), len(tracks)))
        gaps = np.array([frame - track.frame for track in tracks])
        shifts = np.array([track.speed for track in tracks]) * gaps[:, None] * self.use_motion
        expected = np.array([track.bbox for track in tracks]) + np.tile(shifts, 2)
        growth = np.minimum(_GROWTH * (gaps - 1), _LARGEST_GROWTH)
        overlaps = np.zeros((len(rows), len(tracks)))
        for each in np.unique(growth):
            same = growth == each
            overlaps[:, same] = bbox_iou(_grow(boxes[rows], each), _grow(expected[same], each))
        posed = [i for i, track in enumerate(tracks) if track.keypoints is not None]
        if self.sigmas is None or points is None or not posed:
            return overlaps
        poses = np.array([tracks[i].keypoints for i in posed]) + shifts[posed, None]
        joined = np.concatenate([points[rows], poses])
        seen = np.concatenate([scores[rows], [tracks[i].scores for i in posed]])
        corners = np.concatenate([boxes[rows], expected[posed]])
        areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
        counted = visible_pairs(seen, self.kpt_thr)
        similarity = oks_matrix(joined, areas, self.sigmas, counted)[: len(rows), len(rows) :]
        comparable = counted.any(-1)[: len(rows), len(rows) :]
        share = _POSE_SHARE ** gaps[posed]
        both = (1 - share) * overlaps[:, posed] + share * similarity
        overlaps[:, posed] = np.where(comparable, both, overlaps[:, posed])
        return overlaps

    def _move(
        self,
        track: _Track,
        frame: int,
        bbox: Floats,
        keypoints: Floats | None,
        scores: Floats | None,
    ) -> None:
        """Bring a track up to date."""
        step = (bbox[:2] + bbox[2:] - track.bbox[:2] - track.bbox[2:]) / 2
        if keypoints is not None and track.keypoints is not None:
            both = (scores > self.kpt_thr) & (track.scores > self.kpt_thr)
            if both.any():  # boxes change with what is hidden, keypoints do not
                step = np.median(keypoints[both] - track.keypoints[both], axis=0)
        step = step / (frame - track.frame)
        track.num_steps += 1
        gain = max(_SPEED_GAIN, 1 / (track.num_steps + 1))
        track.speed = track.speed + gain * (step - track.speed)
        track.frame, track.bbox = frame, bbox
        track.keypoints, track.scores = keypoints, scores


def _assign(likeness: Floats, least: float) -> list[tuple[int, int]]:
    """Pair rows with columns at the largest total; pairs below ``least`` are none."""
    allowed = np.where(likeness >= least, likeness, 0)
    rows, columns = linear_sum_assignment(allowed, maximize=True)
    good = allowed[rows, columns] > 0
    return list(zip(rows[good].tolist(), columns[good].tolist(), strict=True))


def _grow(boxes: Floats, share: float) -> Floats:
    """Enlarge boxes (N, 4) on each side by a share of their width and height."""
    margin = np.tile(boxes[:, 2:] - boxes[:, :2], 2) * share
    return np.asarray(boxes + margin * [-1, -1, 1, 1])
