"""Who is who in the frames of a video, and keypoints that tremble less."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from posenas.apis.results import ImageResult
from posenas.apis.sources import Source
from posenas.structures import PoseDataSample
from posenas.tracking import JitterMeter, OneEuroSmoother, PersonTracker, ZeroPhaseSmoother
from posenas.utils import ConfigError, check_choice
from posenas.utils.run_ahead import StageClock

#: Seconds on each side of a frame that the zero-phase filter looks at.
_HALF_WINDOW = 0.12


@dataclass(frozen=True)
class VideoOptions:
    """How people are followed through videos.

    Attributes:
        track: Whether people get identities.
        smooth: 'online' for the 1 Euro filter, 'offline' for one without delay; None for neither.
        detect_every: Frames from one detection to the next; 'auto' chooses by measured cost.
    """

    track: bool = False
    smooth: str | None = None
    detect_every: int | str = 1

    def __post_init__(self) -> None:
        """Refuse values without meaning."""
        check_choice('smooth', self.smooth, (None, 'online', 'offline'))
        every = self.detect_every
        if every != 'auto' and (type(every) is not int or every < 1):
            raise ConfigError(f"detect_every must be a number of frames or 'auto', got {every!r}")

    @property
    def is_sequential(self) -> bool:
        """Whether boxes of a frame depend on the frame before."""
        return self.detect_every != 1

    @property
    def follows(self) -> bool:
        """Whether people get identities."""
        return self.track or self.smooth is not None


class PeopleFollower:
    """Gives people in videos identities, and smooths their keypoints.

    Args:
        video: What is wanted.
        sigmas: Of the K keypoints, for the likeness of poses (K,).
        kpt_thr: Keypoints with a greater score count.
        knows: Whether results say already who is who.
        clock: Counts the time as its stage 'follow'.
        jitter: Measure how keypoints tremble before and after smoothing.

    Attributes:
        tracker: Follows people.
    """

    def __init__(
        self,
        video: VideoOptions,
        sigmas: Sequence[float],
        kpt_thr: float,
        knows: bool,
        clock: StageClock,
        jitter: tuple[JitterMeter, JitterMeter],
    ) -> None:
        self.tracker = PersonTracker(np.asarray(sigmas), kpt_thr=kpt_thr)
        self._video, self._kpt_thr, self._knows = video, kpt_thr, knows
        self._clock, self._jitter = clock, jitter
        self._smoothed: Source | None = None
        self._online = OneEuroSmoother(kpt_thr=kpt_thr)

    def follow(self, results: Iterator[ImageResult]) -> Iterator[ImageResult]:
        """Yield the results with identities and smoothed keypoints, where those are wanted."""
        return self._smooth(self._follow(results))

    def _follow(self, results: Iterator[ImageResult]) -> Iterator[ImageResult]:
        """Yield results whose people know who they are, where that is wanted."""
        for result in results:
            frame = result.frame
            if self._video.follows and frame.source.is_video and not self._knows:
                with self._clock.measure('follow'):
                    tracks = self.tracker.follow(
                        frame.source, frame.index, result.bboxes, result.keypoints, result.scores
                    )
                    for sample, track in zip(result.samples, tracks, strict=True):
                        sample.set_metainfo(dict(track_id=track))
            yield result
            del result

    def _smooth(self, results: Iterator[ImageResult]) -> Iterator[ImageResult]:
        """Yield results with smoothed keypoints, where that is wanted."""
        if self._video.smooth is None:
            yield from results
        elif self._video.smooth == 'online':
            for result in results:
                self._smooth_online(result)
                yield result
        else:
            yield from self._smooth_offline(results)

    def _smooth_online(self, result: ImageResult) -> None:
        source, frame = result.frame.source, result.frame_id
        if not source.is_video:
            return
        if self._smoothed is not source:
            self._smoothed = source
            fps = source.frames_per_second()
            self._online = OneEuroSmoother(fps, kpt_thr=self._kpt_thr)
        with self._clock.measure('follow'):
            for track, points, scores, size, sample in _people(result):
                smooth = self._online.smooth(track, frame, points, scores, size)
                self._replace(sample, smooth, (track, frame, points, scores, size))

    def _smooth_offline(self, results: Iterator[ImageResult]) -> Iterator[ImageResult]:
        """Hold back as many frames as the filter looks ahead."""
        waiting: deque[ImageResult] = deque()
        smoother: ZeroPhaseSmoother | None = None
        for result in chain(results, [None]):
            source = None if result is None else result.frame.source
            if waiting and source is not waiting[-1].frame.source:
                while waiting:
                    yield self._release(waiting.popleft(), smoother)
                smoother = None
            if result is None or not source.is_video:
                if result is not None:
                    yield result
                continue
            if smoother is None:
                half = max(2, round(_HALF_WINDOW * source.frames_per_second()))
                smoother = ZeroPhaseSmoother(half, self._kpt_thr)
            for track, points, scores, _, _ in _people(result):
                smoother.add(track, result.frame_id, points, scores)
            waiting.append(result)
            while waiting and waiting[0].frame_id + smoother.half_window <= result.frame_id:
                yield self._release(waiting.popleft(), smoother)

    def _release(self, result: ImageResult, smoother: ZeroPhaseSmoother) -> ImageResult:
        frame = result.frame_id
        with self._clock.measure('follow'):
            for track, points, scores, size, sample in _people(result):
                smooth = smoother.smooth(track, frame)
                self._replace(sample, smooth, (track, frame, points, scores, size))
            smoother.forget(frame + 1)
        return result

    def _replace(self, sample: PoseDataSample, smooth: np.ndarray, person: tuple) -> None:
        """Set smoothed keypoints, and measure by how much less they tremble."""
        track, frame, points, scores, size = person
        before, after = self._jitter
        before.add(track, frame, points, scores, size)
        after.add(track, frame, smooth, scores, size)
        sample.pred_instances.keypoints = smooth[None].astype(np.float32)


def _people(result: ImageResult) -> Iterator[tuple]:
    """Yield track, keypoints, scores, longer side of the box, and sample of each person."""
    for sample in result.samples:
        found = sample.pred_instances
        x1, y1, x2, y2 = np.asarray(found.bboxes[0], np.float64)
        points = np.asarray(found.keypoints[0], np.float64)
        track, scores = sample.metainfo['track_id'], np.asarray(found.keypoint_scores[0])
        yield track, points, scores, max(x2 - x1, y2 - y1), sample
