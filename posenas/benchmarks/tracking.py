"""How well people are followed, and what smoothing does, on synthetic walks that cross."""

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from posenas.datasets.synthetic.body import locate_joints
from posenas.datasets.synthetic.render import project
from posenas.datasets.synthetic.scene import sample_actors
from posenas.datasets.synthetic.video import CameraWay, Motion
from posenas.geometry import bbox_iou
from posenas.skeletons import COCO
from posenas.tracking import JitterMeter, OneEuroSmoother, PersonTracker, ZeroPhaseSmoother
from posenas.utils import ConfigError
from posenas.utils.optional import import_optional
from posenas.utils.randomness import Stream, make_generator

Floats = NDArray[np.floating]

_SIZE = (640, 480)
_FPS = 25.0
_PEOPLE = 5
#: Overlap from which a detector no longer finds the person behind, and how often.
_HIDING, _HIDDEN = 0.4, 0.9
#: Frames that a gap lasts, how many there are in each walk, and where the first may begin.
_GAP, _NUM_GAPS, _FIRST_GAP = (3, 11), 2, 10
#: Noise of boxes and keypoints, share of the longer side; share of keypoints far off, and how far.
_NOISE, _OUTLIERS, _FAR = 0.012, 0.03, 0.08
#: Share of the longer side within which a keypoint is right.
_RIGHT = 0.05


@dataclass(frozen=True)
class TrackingScore:
    """How one way of following, or of smoothing, does.

    Attributes:
        name: What follows or smooths.
        idf1: Share of people with the right identity over the whole video, percent.
        hota: Geometric mean of detection and association, over overlaps, percent; None where
            trackeval is not installed.
        mota: 100 less the share of misses, surplus people and switches, percent.
        switches: People who took another identity.
        jitter: Mean acceleration of keypoints, percent of the longer side of the box per frame^2.
        pck: Keypoints within 5 % of the longer side of the box, percent.
    """

    name: str
    idf1: float
    hota: float | None
    mota: float
    switches: int
    jitter: float
    pck: float


@dataclass(frozen=True)
class Observed:
    """What a detector and a network see in a frame: N people, and who they are."""

    people: Floats
    boxes: Floats
    true_boxes: Floats
    keypoints: Floats
    true_keypoints: Floats
    scores: Floats


def benchmark_tracking(
    num_videos: int = 20, num_frames: int = 120, seed: int = 0
) -> list[TrackingScore]:
    """Follow and smooth synthetic people who cross, hide each other and are missed at times.

    Args:
        num_videos: Videos, of five people each.
        num_frames: Frames of a video, 25 a second, more than 10.
        seed: Of walks and noise.

    Returns:
        Scores of boxes alone, without and with memory of gaps and with motion, of boxes and
        poses, then the last one with online and with offline smoothing.

    Raises:
        ConfigError: There are too few frames.
        ImportError: motmetrics is not installed.
    """
    if num_frames <= _FIRST_GAP:
        raise ConfigError(f'num_frames must be above {_FIRST_GAP}, got {num_frames}')
    videos = [list(_walk(seed, index, num_frames)) for index in range(num_videos)]
    sigmas = np.array(COCO.sigmas)
    ways = {
        'IoU': dict(max_gap=0, use_motion=False),
        'IoU and gaps': dict(use_motion=False),
        'IoU, gaps and motion': dict(),
        'OKS and IoU, gaps and motion': dict(sigmas=sigmas),
    }
    scores = [_score(name, videos, None, **options) for name, options in ways.items()]
    for smooth in ('online', 'offline'):
        scores.append(_score(f'{smooth} smoothing', videos, smooth, sigmas=sigmas))
    return scores


def _walk(seed: int, index: int, num_frames: int) -> Iterator[Observed]:
    """Yield what is seen of people who cross the picture, half of them from each side."""
    rng = make_generator(Stream.MEASURED_TRACKS, seed, index)
    way = CameraWay.sample(rng, _SIZE)
    actors = []
    while len(actors) < _PEOPLE:
        actors += sample_actors(rng, _SIZE, _PEOPLE)
    motions, walkers, missed = [], [], []
    for number, actor in enumerate(actors[:_PEOPLE]):
        scale = float(rng.uniform(0.4, 0.6)) * _SIZE[1]
        start = np.array([rng.uniform(0.05, 0.3), rng.uniform(0.4, 0.6)])
        stop = np.array([rng.uniform(0.7, 0.95), rng.uniform(0.4, 0.6)])
        if number % 2:
            start, stop = stop, start
        camera = replace(actor.camera, scale=scale, center=start * _SIZE)
        walkers.append(replace(actor, camera=camera))
        motion = Motion.sample(rng, actor, num_frames, 'all')
        motions.append(replace(motion, drift=(stop - start) * _SIZE / num_frames, growth=0.0))
        starts = rng.integers(_FIRST_GAP, num_frames, _NUM_GAPS)
        missed.append({f for at in starts for f in range(at, at + rng.integers(*_GAP))})
    for frame in range(num_frames):
        moved = [m.move(a, frame, way) for a, m in zip(walkers, motions, strict=True)]
        points = np.stack(
            [project(locate_joints(a.person.shape, a.posture), a.camera) for a in moved]
        )
        seen = np.array([frame not in gap for gap in missed])
        yield _observe(rng, points, np.array([a.camera.scale for a in moved]), seen)


def _observe(rng: np.random.Generator, points: Floats, scales: Floats, seen: Floats) -> Observed:
    """Disturb what is seen of people with keypoints (N, 17, 2)."""
    low, high = points.min(1), points.max(1)
    margin = 0.1 * (high - low)
    boxes = np.concatenate([low - margin, high + margin], axis=1)
    behind = (bbox_iou(boxes, boxes) > _HIDING) & (scales[:, None] < scales[None])
    seen = seen & ~(behind.any(1) & (rng.random(len(boxes)) < _HIDDEN))
    size = (boxes[:, 2:] - boxes[:, :2]).max(1)
    noise = rng.normal(0, _NOISE, points.shape)
    noise += (
        rng.normal(0, _FAR, points.shape) * (rng.random(points.shape[:2]) < _OUTLIERS)[..., None]
    )
    found = points + noise * size[:, None, None]
    given = boxes + rng.normal(0, _NOISE, boxes.shape) * size[:, None]
    people, scores = np.flatnonzero(seen), np.full(points.shape[:2], 0.9)
    order = rng.permutation(people)
    return Observed(order, given[order], boxes[order], found[order], points[order], scores[order])


def _score(
    name: str, videos: list[list[Observed]], smooth: str | None, **options: object
) -> TrackingScore:
    motmetrics = import_optional('motmetrics', 'tracking')
    matches, meter = motmetrics.MOTAccumulator(auto_id=True), JitterMeter()
    overlaps: list[tuple[list[int], list[int], Floats]] = []
    right = total = 0
    tracker = PersonTracker(**options)
    for number, video in enumerate(videos):
        tracks = [
            tracker.follow(number, frame, seen.boxes, seen.keypoints, seen.scores)
            for frame, seen in enumerate(video)
        ]
        points = _smooth(video, tracks, smooth)
        for frame, (seen, ids) in enumerate(zip(video, tracks, strict=True)):
            similarity = bbox_iou(seen.true_boxes, seen.boxes)
            truth = [_PEOPLE * number + person for person in seen.people.tolist()]
            overlaps.append((truth, ids, similarity))
            matches.update(truth, ids, np.where(similarity < 0.5, np.nan, 1 - similarity))
            sizes = (seen.true_boxes[:, 2:] - seen.true_boxes[:, :2]).max(1)
            for row, person in enumerate(truth):
                here = points[frame][row]
                meter.add(person, frame, here, seen.scores[row], sizes[row])
                errors = np.linalg.norm(here - seen.true_keypoints[row], axis=1)
                right += int((errors < _RIGHT * sizes[row]).sum())
                total += len(errors)
    summary = motmetrics.metrics.create().compute(
        matches, metrics=['idf1', 'mota', 'num_switches'], return_dataframe=False
    )
    return TrackingScore(
        name,
        100 * float(summary['idf1']),
        _score_hota(overlaps),
        100 * float(summary['mota']),
        int(summary['num_switches']),
        meter.mean,
        100 * right / total,
    )


def _score_hota(frames: list[tuple[list[int], list[int], Floats]]) -> float | None:
    """Return HOTA in percent of frames: people, tracks, and their overlaps; None without trackeval.

    Source: Luiten et al., HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking, IJCV
    2021.
    """
    if find_spec('trackeval') is None:
        return None
    with redirect_stdout(io.StringIO()):  # it prints which of its data sets it cannot read
        metric = import_optional('trackeval.metrics', 'trackeval').HOTA()
    data: dict[str, object] = dict(similarity_scores=[overlap for *_, overlap in frames])
    for column, name in enumerate(('gt', 'tracker')):
        given = [frame[column] for frame in frames]
        numbers = {each: number for number, each in enumerate(sorted(set(chain(*given))))}
        data[f'{name}_ids'] = [np.array([numbers[i] for i in ids], np.int64) for ids in given]
        data[f'num_{name}_ids'], data[f'num_{name}_dets'] = len(numbers), sum(map(len, given))
    return 100 * float(np.mean(metric.eval_sequence(data)['HOTA']))


def _smooth(
    video: list[Observed], tracks: list[list[int]], smooth: str | None
) -> list[list[Floats]]:
    """Return the keypoints (17, 2) of each person in each frame."""
    people = [
        (frame, track, seen.keypoints[row], seen.scores[row], (box[2:] - box[:2]).max())
        for frame, (seen, ids) in enumerate(zip(video, tracks, strict=True))
        for row, (track, box) in enumerate(zip(ids, seen.boxes, strict=True))
    ]
    found: list[list[Floats]] = [[] for _ in video]
    online, offline = OneEuroSmoother(_FPS), ZeroPhaseSmoother()
    for frame, track, points, scores, _ in people:
        offline.add(track, frame, points, scores)
    for frame, track, points, scores, size in people:
        if smooth == 'online':
            points = online.smooth(track, frame, points, scores, size)
        elif smooth == 'offline':
            points = offline.smooth(track, frame)
        found[frame].append(np.asarray(points))
    return found
