"""The stages between inputs and results, which overlap: read, detect, find keypoints, follow."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, starmap
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmengine.logging import print_log
from numpy.typing import ArrayLike
from torch import nn

from posenas.apis.detection import PeopleDetector
from posenas.apis.following import PeopleFollower, VideoOptions
from posenas.apis.inference import Crops, TopdownPipeline, predict_crops
from posenas.apis.inference_report import InferenceReport
from posenas.apis.outputs import DrawOptions, add_heatmaps
from posenas.apis.results import ImageResult
from posenas.apis.sources import Frame, Source, read_frames
from posenas.skeletons import Skeleton
from posenas.structures import PoseDataSample
from posenas.tracking import PoseBoxes, choose_interval
from posenas.utils import ConfigError, DataError
from posenas.utils.run_ahead import run_ahead

if TYPE_CHECKING:
    from posenas.apis.visibility import VisibilityMarker
    from posenas.datasets import FrameGap

#: Bytes of decoded images after which a batch is full: several batches are alive at a time.
_BATCH_BYTES = 32 << 20
#: Crops of a batch of images that are cut while the network looks at the batch before.
_CROPS_AHEAD = 64
#: Frames whose costs are measured before the interval of detections is chosen by them.
_MEASURED_FRAMES = 5
Boxes = ArrayLike | None


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
        marker: Says how likely keypoints are visible; None for nobody.

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
        marker: 'VisibilityMarker | None' = None,
    ) -> None:
        if video.is_sequential and detector is None:
            raise ConfigError(
                'detect_every must be 1 without a detector: give one, or the boxes of all frames'
            )
        self.model, self.pipeline, self.detector = model, pipeline, detector
        self.report, self.clock = report, report.clock
        self.bbox_format, self.batch_size = bbox_format, batch_size
        self.drawing, self.video, self.keep_heatmaps = drawing, video, keep_heatmaps
        self.skeleton = find_kept_skeleton(model)
        self.stopped = threading.Event()
        self._lock, self._marker = lock, marker
        self._remembers = hasattr(model, 'memory')  # a network for videos wants to know who is who
        self._follower = PeopleFollower(
            video,
            self.skeleton.sigmas,
            drawing.kpt_thr,
            self._remembers,
            self.clock,
            report.jitter,
        )

    def results(self) -> Iterator[ImageResult]:
        """Yield a result for each image, in the order of the inputs; stages run in threads."""
        batches = run_ahead(self._read())
        if self.video.is_sequential:
            found = run_ahead(self._find_between(batches))
        else:
            if self.detector is not None:
                batches = run_ahead(self._detect(batches))
            found = run_ahead(self._find(run_ahead(self._crop(batches))))
        followed = self._follower.follow(chain.from_iterable(found))
        yield from run_ahead(followed, self.batch_size)
        self.report.num_tracks = self._follower.tracker.num_tracks * self.video.follows

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

    def _crop(self, batches: Iterator[list[tuple[Frame, Boxes]]]) -> Iterator['_People']:
        """Yield the people of each batch, the first of them cut out."""
        for batch in batches:
            people = self.cut(batch)
            first = list(islice(people.crops, _CROPS_AHEAD))
            yield replace(people, crops=chain(first, people.crops))
            del batch, people, first

    def _find(self, batches: Iterator['_People']) -> Iterator[list[ImageResult]]:
        """Yield batches of results with the keypoints of people."""
        from posenas.models import PredictionSpread, describe_doubts

        spread = PredictionSpread()
        for people in batches:
            yield self.look(people, spread)
            del people
        self.report.doubts += describe_doubts(self.model, spread)

    def _find_between(
        self, batches: Iterator[list[tuple[Frame, Boxes]]]
    ) -> Iterator[list[ImageResult]]:
        """Yield batches of results, with boxes from poses between detections."""
        from posenas.models import PredictionSpread, describe_doubts

        spread = PredictionSpread()
        between = _Between(self, spread)
        for batch in batches:
            yield [between.look(frame) for frame, _ in batch]
            del batch
        self.report.doubts += describe_doubts(self.model, spread)

    def cut(self, batch: Sequence[tuple[Frame, Boxes]]) -> '_People':
        """Return the people of some images; each is cut out when it is asked for."""
        bbox_format = 'xyxy' if self.detector is not None else self.bbox_format
        crops = [self.pipeline.crop(frame.loaded, boxes, bbox_format) for frame, boxes in batch]
        self.report.num_whole += len(batch) * (not self.report.boxes.is_given and not self.detector)
        frames = [frame for frame, _ in batch]
        for frame, people in zip(frames, crops, strict=True):
            self.report.add_outside(frame.source, people.num_outside)
        named = starmap(partial(self._name_people), zip(frames, crops, strict=True))
        cut = self.clock.measure_items('crop', chain.from_iterable(named))
        return _People(frames, [len(group) for group in crops], cut)

    def look(self, people: '_People', spread: Any) -> list[ImageResult]:  # noqa: ANN401
        """Find the keypoints of all people in some images."""
        draws, results = self.drawing.draw_heatmap, []
        with self._lock:
            self.model.test_cfg['output_heatmaps'] = draws or self._marker is not None
            samples = predict_crops(self.model, people.crops, spread=spread, clock=self.clock)
            if self._marker is not None:
                samples = self._marker.mark(samples, draws)
            for frame, count in zip(people.frames, people.counts, strict=True):
                own = islice(samples, count)
                heatmap = None
                if draws and count:
                    heatmap = np.zeros((1, *frame.loaded['img'].shape[:2]), np.float32)
                    own = _collect_heatmaps(own, heatmap, self.keep_heatmaps)
                results.append(ImageResult(frame, list(own), self.skeleton, self.drawing, heatmap))
        return results

    def _name_people(self, frame: Frame, people: Crops) -> Iterator[dict[str, Any]]:
        """Yield the crops of a frame; for networks that remember they say who is who."""
        if not (self._remembers and frame.source.is_video):
            yield from people
            return
        tracks = self._follower.tracker.follow(frame.source, frame.index, people.corners)
        for crop, track in zip(people, tracks, strict=True):
            place = dict(video_id=frame.source.stem, frame_id=frame.index, track_id=track)
            crop['data_samples'].set_metainfo(place)
            yield crop


@dataclass(frozen=True)
class _People:
    """The people of a batch of images.

    Attributes:
        frames: The images.
        counts: How many people each has.
        crops: All of them.
    """

    frames: Sequence[Frame]
    counts: Sequence[int]
    crops: Iterator[dict[str, Any]]


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
            (result,) = run.look(run.cut([(frame, boxes)]), self._spread)
            self._boxes.detected(result.bboxes, result.bbox_scores, result.keypoints, result.scores)
            self._note_costs(frame, seconds)
            self._next_detection = frame.index + self._every
        else:
            height, width = frame.loaded['img'].shape[:2]
            corners, scores = self._boxes.propose(last.keypoints, last.scores, (width, height))
            boxes = np.column_stack([corners, scores])
            (result,) = run.look(run.cut([(frame, boxes)]), self._spread)
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


def _collect_heatmaps(
    samples: Iterator[PoseDataSample], canvas: np.ndarray, keep: bool
) -> Iterator[PoseDataSample]:
    """Lay the heatmaps of people over ``canvas``; unless ``keep``, people lose theirs."""
    for sample in samples:
        add_heatmaps(canvas, sample)
        if not keep:
            del sample.pred_fields
        yield sample


def find_kept_skeleton(model: nn.Module) -> Skeleton:
    """Return the skeleton of the keypoints that the predictions of a model keep."""
    skeleton = Skeleton.from_metainfo(model.dataset_meta)
    kept = model.test_cfg.get('output_keypoint_indices')
    try:
        return skeleton if kept is None else skeleton.select(kept)
    except ValueError as error:
        raise ConfigError(f'test_cfg.output_keypoint_indices: {error}') from error
