"""Boxes from poses, for the frames between two detections."""

from math import ceil

import numpy as np
from numpy.typing import NDArray

from posenas.evaluation.functional import oks_matrix

Floats = NDArray[np.floating]

#: Share of a frame's time that the detector may take, where the interval is chosen by it.
_DETECTOR_SHARE = 0.25
#: Longest time without a detection, seconds: who comes in is found after it at the latest.
_LONGEST_WAIT = 0.5
#: Confident keypoints that a box needs.
_LEAST_KEYPOINTS = 3
#: Similarity from which two poses are one person, found twice.
_SAME = 0.9


class PoseBoxes:
    """Boxes of the next frame from the poses of the last ones.

    A box keeps the margins around the keypoints that the detected box had, and moves on at the
    speed of the keypoints. People without confident keypoints are lost until the next detection,
    and of two people with one pose the later.

    Args:
        sigmas: Deviation of each keypoint (K,).
        kpt_thr: Keypoints with a greater score count.
    """

    def __init__(self, sigmas: Floats, kpt_thr: float = 0.3) -> None:
        self.sigmas, self.kpt_thr = np.asarray(sigmas, np.float64), kpt_thr
        self._margins: Floats = np.zeros((0, 4))
        self._bbox_scores: Floats = np.zeros(0)
        self._before: Floats | None = None

    def detected(
        self, bboxes: Floats, bbox_scores: Floats, keypoints: Floats, scores: Floats
    ) -> None:
        """Tell boxes (N, 4) of a detector and the poses found in them (N, K, 2), (N, K)."""
        self._margins = np.full((len(bboxes), 4), 0.1)
        self._bbox_scores = np.array(bbox_scores)
        for row, (bbox, points, each) in enumerate(zip(bboxes, keypoints, scores, strict=True)):
            extent = self._measure(points, each)
            if extent is not None:
                size = np.maximum(np.tile(extent[2:] - extent[:2], 2), 1)
                margins = (np.asarray(bbox, np.float64) - extent) * [-1, -1, 1, 1] / size
                self._margins[row] = np.clip(margins, 0.02, 0.5)
        self._before = None

    def propose(
        self, keypoints: Floats, scores: Floats, image_size: tuple[int, int]
    ) -> tuple[Floats, Floats]:
        """Return boxes (M, 4) and their scores (M,) for the frame after poses (N, K, 2), (N, K).

        Args:
            keypoints: Poses of the frame before, in the order of its boxes.
            scores: Their scores.
            image_size: Width and height, pixels; boxes outside are lost.
        """
        points = np.asarray(keypoints, np.float64)
        before = points if self._before is None else self._before
        kept, boxes = [], []
        same = oks_matrix(points, self._areas(points), self.sigmas) > _SAME
        for row, (here, last, each) in enumerate(zip(points, before, scores, strict=True)):
            extent = self._measure(here, each)
            if extent is None or same[row, kept].any():
                continue
            step = np.median((here - last)[each > self.kpt_thr], axis=0)
            margin = self._margins[row] * np.tile(extent[2:] - extent[:2], 2)
            box = extent + margin * [-1, -1, 1, 1] + np.tile(step, 2)
            if (box[2:] > 2).all() and (box[:2] < np.array(image_size) - 2).all():
                kept.append(row)
                boxes.append(box)
        self._margins, self._bbox_scores = self._margins[kept], self._bbox_scores[kept]
        self._before = points[kept]
        return np.array(boxes).reshape(-1, 4), self._bbox_scores

    def _areas(self, points: Floats) -> Floats:
        return np.maximum(np.ptp(points, axis=1), 1).prod(axis=1)

    def _measure(self, points: Floats, scores: Floats) -> Floats | None:
        """Return the corners of what confident keypoints span, None for too few of them."""
        seen = points[scores > self.kpt_thr]
        if len(seen) < _LEAST_KEYPOINTS or np.ptp(seen, axis=0).min() < 1:
            return None
        return np.concatenate([seen.min(0), seen.max(0)]).astype(np.float64)


def choose_interval(detect_s: float, pose_s: float, fps: float) -> int:
    """Choose every how many frames to detect, so that it takes at most a quarter of the time.

    Args:
        detect_s: Measured time of one detection, seconds.
        pose_s: Measured time of the poses of one frame, seconds.
        fps: Frames per second of the video; a detection follows within half a second.
    """
    share = _DETECTOR_SHARE / (1 - _DETECTOR_SHARE)
    wanted = ceil(round(detect_s / max(share * pose_s, 1e-9), 6))
    return int(np.clip(wanted, 1, max(1, round(_LONGEST_WAIT * fps))))
