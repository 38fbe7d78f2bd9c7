"""The stages between inputs and results, which overlap: read, detect, find keypoints, follow."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, starmap
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmengine.logging import print_log
from numpy.typing import ArrayLike
from torch import nn

from posenas.apis.detection import PeopleDetector
from posenas.apis.inference import Crops, TopdownPipeline, predict_crops
from posenas.apis.inference_report import InferenceReport
from posenas.apis.outputs import DrawOptions, add_heatmaps
from posenas.apis.results import ImageResult
from posenas.apis.sources import Frame, Source, read_frames
from posenas.skeletons import Skeleton
from posenas.structures import PoseDataSample
from posenas.tracking import (
    OneEuroSmoother,
    PersonTracker,
    PoseBoxes,
    ZeroPhaseSmoother,
    choose_interval,
)
from posenas.utils import ConfigError, DataError, check_choice
from posenas.utils.run_ahead import run_ahead

if TYPE_CHECKING:
    from posenas.datasets import FrameGap

#: Bytes of decoded images after which a batch is full: several batches are alive at a time.
_BATCH_BYTES = 32 << 20
#: Frames whose costs are measured before the interval of detections is chosen by them.
_MEASURED_FRAMES = 5
#: Seconds on each side of a frame that the zero-phase filter looks at.
_HALF_WINDOW = 0.12

Boxes = ArrayLike | None


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
        if every != 'auto' and (isinstance(every, str | bool) or every < 1):
            raise ValueError(f"detect_every must be a number of frames or 'auto', got {every!r}")

    @property
    def is_sequential(self) -> bool:
        """Whether boxes of a frame depend on the frame before."""
        return self.detect_every != 1

    @property
    def follows(self) -> bool:
        """Whether people get identities."""
        return self.track or self.smooth is not None


class InferenceRun:
    """One call: the stages, and what they keep.

    Args:
        model: Network for keypoints.
        pipeline: Its test pipeline.
        detector: Finds boxes; None where they are given or the image is one person.
        report: Counts of the call.
        bbox_format: Of given boxes.
        batch_size: Images at once.
        drawing: How results are drawn.
        video: How people are followed.
        keep_heatmaps: Whether samples keep them.
        lock: Held while the network runs.

    Raises:
        ConfigError: Boxes of every frame are given, and yet to be taken from poses.
    """

    def __init__(
        self,
        model: nn.Module,
        pipeline: TopdownPipeline,
        detector: PeopleDetector | None,
        report: InferenceReport,
        bbox_format: str,
        batch_size: int,
        drawing: DrawOptions,
        video: VideoOptions,
        keep_heatmaps: bool,
        lock: threading.Lock,
    ) -> None:
        if video.is_sequential and detector is None:
            raise ConfigError(
                'detect_every must be 1 without a detector: give one, or the boxes of all frames'
            )
        self.model, self.pipeline, self.detector = model, pipeline, detector
        self.report, self.clock = report, report.clock
        self.bbox_format, self.batch_size = bbox_format, batch_size
        self.drawing, self.video, self.keep_heatmaps = drawing, video, keep_heatmaps
        self.skeleton = _find_skeleton(model)
        self.stopped = threading.Event()
        self._lock = lock
        sigmas = np.asarray(self.skeleton.sigmas)
        self._tracker = PersonTracker(sigmas, kpt_thr=drawing.kpt_thr)
        self._smoothed: Source | None = None
        self._online = OneEuroSmoother(kpt_thr=drawing.kpt_thr)
        self._remembers = hasattr(model, 'memory')  # a network for videos wants to know who is who

    def results(self) -> Iterator[ImageResult]:
        """Yield a result for each image, in the order of the inputs; stages run in threads."""
        batches = run_ahead(self._read())
        if self.detector is not None and not self.video.is_sequential:
            batches = run_ahead(self._detect(batches))
        found = chain.from_iterable(run_ahead(self._find(batches)))
        yield from self._smooth(self._follow(found))
        self.report.num_tracks = self._tracker.num_tracks * self.video.follows

    def _read(self) -> Iterator[list[tuple[Frame, Boxes]]]:
        """Yield batches of images with the boxes that are given for them."""

        def note_bad(source: Source, error: DataError) -> None:
            if len(self.report.sources) == 1:
                raise error
            self.report.add_bad(source, str(error))
            print_log(f'left out: {error}', logger='current', level=30)

        def note_gap(source: Source, gap: 'FrameGap') -> None:
            if gap.last is not None:
                text = f'left out: {source.path}: {gap} could not be decoded'
                print_log(text, logger='current', level=30)

        batch: list[tuple[Frame, Boxes]] = []
        size = 0
        frames = read_frames(self.report.sources, self.pipeline.load, note_bad, note_gap)
        for frame in self.clock.measure_items('read', frames):
            if self.stopped.is_set():
                self.report.is_stopped = True
                break
            batch.append((frame, self.report.boxes.choose(frame)))
            size += frame.loaded['img'].nbytes
            if len(batch) == self.batch_size or size > _BATCH_BYTES or frame.source.is_live:
                yield batch
                batch, size = [], 0
            del frame
        if batch:
            yield batch

    def _detect(
        self, batches: Iterator[list[tuple[Frame, Boxes]]]
    ) -> Iterator[list[tuple[Frame, Boxes]]]:
        """Yield batches with detected boxes."""
        for batch in batches:
            yield [(frame, boxes) for frame, boxes in self._detect_in([f for f, _ in batch])]
            del batch

    def _detect_in(self, frames: Sequence[Frame]) -> list[tuple[Frame, np.ndarray]]:
        """Return frames with their detected boxes and scores (N, 5)."""
        with self.clock.measure('detect'), torch.no_grad():
            found = list(self.detector([frame.loaded['img'] for frame in frames]))
        joined = (np.column_stack([each.bboxes, each.scores]) for each in found)
        return list(zip(frames, joined, strict=True))

    def _find(self, batches: Iterator[list[tuple[Frame, Boxes]]]) -> Iterator[list[ImageResult]]:
        """Yield batches of results with the keypoints of people."""
        from posenas.models import PredictionSpread, describe_doubts

        spread = PredictionSpread()
        between = _Between(self, spread)
        for batch in batches:
            if self.video.is_sequential:
                yield [between.look(frame) for frame, _ in batch]
            else:
                yield self.look(batch, spread)
            del batch
        self.report.doubts += describe_doubts(self.model, spread)

    def look(self, batch: Sequence[tuple[Frame, Boxes]], spread: Any) -> list[ImageResult]:  # noqa: ANN401
        """Find the keypoints of all people in some images."""
        draws, results = self.drawing.draw_heatmap, []
        bbox_format = 'xyxy' if self.detector is not None else self.bbox_format
        crops = [self.pipeline.crop(frame.loaded, boxes, bbox_format) for frame, boxes in batch]
        self.report.num_whole += len(batch) * (not self.report.boxes.is_given and not self.detector)
        frames = [frame for frame, _ in batch]
        for frame, people in zip(frames, crops, strict=True):
            self.report.add_outside(frame.source, people.num_outside)
        named = starmap(partial(self._name_people), zip(frames, crops, strict=True))
        cut = self.clock.measure_items('crop', chain.from_iterable(named))
        with self._lock, self.clock.measure('network', inner='crop'):
            self.model.test_cfg['output_heatmaps'] = draws
            samples = predict_crops(self.model, cut, spread=spread)
            for frame, group in zip(frames, crops, strict=True):
                own = islice(samples, len(group))
                heatmap = None
                if draws and len(group):
                    heatmap = np.zeros((1, *frame.loaded['img'].shape[:2]), np.float32)
                    own = _collect_heatmaps(own, heatmap, self.keep_heatmaps)
                results.append(ImageResult(frame, list(own), self.skeleton, self.drawing, heatmap))
        return results

    def _name_people(self, frame: Frame, people: Crops) -> Iterator[dict[str, Any]]:
        """Yield the crops of a frame; for networks that remember they say who is who."""
        if not (self._remembers and frame.source.is_video):
            yield from people
            return
        tracks = self._tracker.follow(frame.source, frame.index, people.corners)
        for crop, track in zip(people, tracks, strict=True):
            place = dict(video_id=frame.source.stem, frame_id=frame.index, track_id=track)
            crop['data_samples'].set_metainfo(place)
            yield crop

    def _follow(self, results: Iterator[ImageResult]) -> Iterator[ImageResult]:
        """Yield results whose people know who they are, where that is wanted."""
        for result in results:
            frame = result.frame
            if self.video.follows and frame.source.is_video and not self._remembers:
                with self.clock.measure('follow'):
                    tracks = self._tracker.follow(
                        frame.source, frame.index, result.bboxes, result.keypoints, result.scores
                    )
                    for sample, track in zip(result.samples, tracks, strict=True):
                        sample.set_metainfo(dict(track_id=track))
            yield result
            del result

    def _smooth(self, results: Iterator[ImageResult]) -> Iterator[ImageResult]:
        """Yield results with smoothed keypoints, where that is wanted."""
        if self.video.smooth is None:
            yield from results
        elif self.video.smooth == 'online':
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
            self._online = OneEuroSmoother(fps, kpt_thr=self.drawing.kpt_thr)
        with self.clock.measure('follow'):
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
                smoother = ZeroPhaseSmoother(half, self.drawing.kpt_thr)
            for track, points, scores, _, _ in _people(result):
                smoother.add(track, result.frame_id, points, scores)
            waiting.append(result)
            while waiting and waiting[0].frame_id + smoother.half_window <= result.frame_id:
                yield self._release(waiting.popleft(), smoother)

    def _release(self, result: ImageResult, smoother: ZeroPhaseSmoother) -> ImageResult:
        frame = result.frame_id
        with self.clock.measure('follow'):
            for track, points, scores, size, sample in _people(result):
                smooth = smoother.smooth(track, frame)
                self._replace(sample, smooth, (track, frame, points, scores, size))
            smoother.forget(frame + 1)
        return result

    def _replace(self, sample: PoseDataSample, smooth: np.ndarray, person: tuple) -> None:
        """Set smoothed keypoints, and measure by how much less they tremble."""
        track, frame, points, scores, size = person
        before, after = self.report.jitter
        before.add(track, frame, points, scores, size)
        after.add(track, frame, smooth, scores, size)
        sample.pred_instances.keypoints = smooth[None].astype(np.float32)


class _Between:
    """Looks at frame after frame, with boxes from poses between detections."""

    def __init__(self, run: InferenceRun, spread: Any) -> None:  # noqa: ANN401
        self._run, self._spread = run, spread
        self._boxes = PoseBoxes(run.skeleton.sigmas, run.drawing.kpt_thr)
        self._every = 1 if run.video.detect_every == 'auto' else run.video.detect_every
        self._is_chosen = run.video.detect_every != 'auto'
        run.report.detect_every = self._every
        self._last: ImageResult | None = None
        self._next_detection = 0
        self._costs: list[tuple[float, float]] = []

    def look(self, frame: Frame) -> ImageResult:
        """Return the result of one image or frame."""
        run, last = self._run, self._last
        is_next = last is not None and frame.source is last.frame.source
        seconds = dict(run.clock.seconds)
        if not (is_next and frame.source.is_video) or frame.index >= self._next_detection:
            ((_, boxes),) = run._detect_in([frame])
            (result,) = run.look([(frame, boxes)], self._spread)
            self._boxes.detected(result.bboxes, result.bbox_scores, result.keypoints, result.scores)
            self._note_costs(frame, seconds)
            self._next_detection = frame.index + self._every
        else:
            height, width = frame.loaded['img'].shape[:2]
            corners, scores = self._boxes.propose(last.keypoints, last.scores, (width, height))
            boxes = np.column_stack([corners, scores])
            (result,) = run.look([(frame, boxes)], self._spread)
        self._last = result
        return result

    def _note_costs(self, frame: Frame, before: dict[str, float]) -> None:
        """Choose the interval once the costs of some frames are measured."""
        if self._is_chosen or not frame.source.is_video:
            return
        after = self._run.clock.seconds
        spent = {name: after[name] - before.get(name, 0.0) for name in after}
        self._costs.append((spent['detect'], spent.get('network', 0.0) + spent.get('crop', 0.0)))
        if len(self._costs) > _MEASURED_FRAMES:  # the first one warms up
            detect, pose = np.median(self._costs[1:], axis=0)
            self._every = choose_interval(detect, pose, frame.source.frames_per_second())
            self._run.report.detect_every, self._is_chosen = self._every, True


def _people(result: ImageResult) -> Iterator[tuple]:
    """Yield track, keypoints, scores, longer side of the box, and sample of each person."""
    for sample in result.samples:
        found = sample.pred_instances
        x1, y1, x2, y2 = np.asarray(found.bboxes[0], np.float64)
        points = np.asarray(found.keypoints[0], np.float64)
        track, scores = sample.metainfo['track_id'], np.asarray(found.keypoint_scores[0])
        yield track, points, scores, max(x2 - x1, y2 - y1), sample


def _collect_heatmaps(
    samples: Iterator[PoseDataSample], canvas: np.ndarray, keep: bool
) -> Iterator[PoseDataSample]:
    """Lay the heatmaps of people over ``canvas``; unless ``keep``, people lose theirs."""
    for sample in samples:
        add_heatmaps(canvas, sample)
        if not keep:
            del sample.pred_fields
        yield sample


def _find_skeleton(model: nn.Module) -> Skeleton:
    """Return the skeleton of the keypoints that the predictions of a model keep."""
    skeleton = Skeleton.from_metainfo(model.dataset_meta)
    kept = model.test_cfg.get('output_keypoint_indices')
    try:
        return skeleton if kept is None else skeleton.select(kept)
    except ValueError as error:
        raise ConfigError(f'test_cfg.output_keypoint_indices: {error}') from error
