"""PoseTrack's files, one per video, and the scores of stored predictions in them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posenas.evaluation.functional import (
    JointDetections,
    TrackCounts,
    VideoFrame,
    group_means,
    head_sizes,
    joint_precision,
    track_scores,
)
from posenas.geometry import points_in_polygon
from posenas.skeletons import POSETRACK17, POSETRACK18, match_joints, skeleton_from_category
from posenas.utils.columns import Records
from posenas.utils.errors import DataError
from posenas.utils.files import read_json

Floats = NDArray[np.float64]

#: Skeletons of files that do not name their keypoints, by number of keypoints.
_UNNAMED = {skeleton.num_joints: skeleton for skeleton in (POSETRACK17, POSETRACK18)}


@dataclass(frozen=True, eq=False)
class VideoPersons:
    """Annotated or predicted people of one video; N people, K keypoints of ``POSETRACK17``.

    Attributes:
        image_ids: Frame of each person (N,).
        keypoints: Keypoints (N, K, 2), pixels.
        exists: Which keypoints are annotated or predicted (N, K).
        scores: Confidences of the keypoints (N, K).
        tracks: Identities (N,); -1 where the file has none.
        head_sizes: Sizes of the heads (N,), pixels; 0 where the file has none.
    """

    image_ids: NDArray[np.int64]
    keypoints: Floats
    exists: NDArray[np.bool_]
    scores: Floats
    tracks: NDArray[np.int64]
    head_sizes: Floats

    def of_frame(self, image_id: int) -> 'VideoPersons':
        """Return the people of one frame."""
        return self.select(self.image_ids == image_id)

    def select(self, rows: NDArray[np.bool_]) -> 'VideoPersons':
        """Return the people in ``rows``, a mask (N,)."""
        return VideoPersons(**{name: column[rows] for name, column in vars(self).items()})

    def outside(self, polygons: Sequence[Floats]) -> NDArray[np.bool_]:
        """Return which keypoints exist (N, K) outside all ``polygons``, each (V, 2)."""
        exists = self.exists.copy()
        for polygon in polygons:
            exists &= ~points_in_polygon(self.keypoints, polygon)
        return exists


@dataclass(frozen=True, eq=False)
class Video:
    """A video and its annotations.

    Attributes:
        name: Stem of its file.
        images: ``{id, file_name}`` of each frame, in order of time.
        polygons: Frame -> regions whose people do not count, corners (V, 2).
        persons: Annotated people.
    """

    name: str
    images: tuple[Mapping[str, Any], ...]
    polygons: Mapping[int, Sequence[Floats]]
    persons: VideoPersons


def read_videos(path: str | Path, with_tracks: bool = False) -> list[Video]:
    """Read annotations.

    Args:
        path: Folder of official files, one per video; or one file that holds all videos, whose
            images are in folders named after them.
        with_tracks: Whether identities are required.

    Raises:
        DataError: A file cannot be read or is malformed; the text names file, entry and key.
    """
    if not Path(path).is_dir():
        return list(_split_file(str(path), with_tracks))
    files = sorted(Path(path).glob('*.json'))
    if not files:
        raise DataError(f'{path} must hold the files of PoseTrack, one .json per video, has none')
    return [_read_video(str(file), with_tracks) for file in files]


def read_video_results(
    folder: str | Path, videos: Sequence[Video], with_tracks: bool = False
) -> list[VideoPersons]:
    """Read predictions.

    Args:
        folder: Folder of files in the official layout, named as those of the annotations.
        videos: The annotations.
        with_tracks: Whether identities are required.

    Returns:
        People of each of the ``videos``.

    Raises:
        DataError: A file is missing, cannot be read or is malformed; or a person is in a frame
            that the video does not have.
    """
    return [
        _read_results(Path(folder, f'{video.name}.json'), video, with_tracks) for video in videos
    ]


def describe_strangers(folder: str | Path, videos: Sequence[Video]) -> list[str]:
    """Say how many files of results are of no annotated video, if there are any."""
    known = {video.name for video in videos}
    others = [path.name for path in sorted(Path(folder).glob('*.json')) if path.stem not in known]
    if not others:
        return []
    more = f' and {len(others) - 3} more' if len(others) > 3 else ''
    names = ', '.join(others[:3])
    return [f'{len(others)} files of results fit no annotated video: {names}{more}']


def _read_results(path: Path, video: Video, with_tracks: bool) -> VideoPersons:
    if not path.is_file():
        raise DataError(f'{path} must exist: each of the annotated videos needs a file of results')
    content = _read_content(str(path))
    return read_persons(str(path), content, video.images, with_tracks)


def _read_content(path: str, may_lack_labels: bool = False) -> Mapping[str, Any]:
    """Read a file; with ``may_lack_labels`` one without labelled frames needs no annotations."""
    content = read_json(path)
    if may_lack_labels and isinstance(content, dict) and 'annotations' not in content:
        images = Records(path, 'images', content.get('images'))
        if not any(image.get('is_labeled') for image in images.records):
            return dict(content, annotations=[])
    if not isinstance(content, dict) or 'annotations' not in content:
        raise DataError(
            f"{path} must be an object with 'images' and 'annotations' in PoseTrack's layout, got "
            f'{content!r:.80}'
        )
    return content


def _read_video(path: str, with_tracks: bool) -> Video:
    content = _read_content(path, may_lack_labels=True)
    images = Records(path, 'images', content.get('images'))
    return _make_video(Path(path).stem, path, images, content, with_tracks)


def _split_file(path: str, with_tracks: bool) -> Iterator[Video]:
    """Yield the videos of a file that holds several."""
    content = _read_content(path, may_lack_labels=True)
    images = Records(path, 'images', content.get('images'))
    annotations = Records(path, 'annotations', content['annotations'])
    ids, owners = images.integers('id'), annotations.integers('image_id')
    strays = ~np.isin(owners, ids)
    if strays.any():
        raise annotations.error(int(strays.argmax()), 'image_id', 'occur in images')
    names = np.array([PurePosixPath(name).parent.name for name in images.strings('file_name')])
    for name in sorted(set(names.tolist())):
        own = annotations.where(np.isin(owners, ids[names == name]))
        part = dict(content, annotations=own)
        yield _make_video(name, path, images.where(names == name), part, with_tracks)


def _make_video(
    name: str, path: str, images: Records, content: Mapping[str, Any], with_tracks: bool
) -> Video:
    ids, files = images.integers('id'), images.strings('file_name')
    if len(set(ids.tolist())) < len(ids):
        raise DataError(f'{path}: images[].id must differ, some occur twice')
    frames = [dict(id=int(ids[i]), file_name=files[i]) for i in np.argsort(ids)]
    polygons = {int(ids[i]): _read_polygons(images, i) for i in range(len(ids))}
    persons = read_persons(path, content, frames, with_tracks, is_truth=True)
    return Video(name, tuple(frames), polygons, persons)


def _read_polygons(images: Records, row: int) -> list[Floats]:
    """Return the ignored regions of one image."""
    x, y = (images.records[row].get(f'ignore_regions_{axis}') or [] for axis in 'xy')
    try:
        polygons = [np.array(pair, np.float64).T for pair in zip(x, y, strict=True)]
        fits = all(polygon.ndim == 2 and np.isfinite(polygon).all() for polygon in polygons)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        must = 'list the corners of polygons, as many as ignore_regions_y'
        raise images.error(row, 'ignore_regions_x', must)
    return polygons


def read_persons(
    path: str,
    content: Mapping[str, Any],
    images: Sequence[Mapping[str, Any]],
    with_tracks: bool = False,
    is_truth: bool = False,
) -> VideoPersons:
    """Check the people of a file and bring their keypoints into the order of ``POSETRACK17``.

    A keypoint at the origin whose third value is 0 does not exist. Keypoints are named by the
    file's category; without one, 17 are those of ``POSETRACK18`` and 15 those of ``POSETRACK17``.

    Args:
        path: The file, for messages.
        content: Its ``annotations``, a list or :class:`Records`, and ``categories``, if any.
        images: Frames, ``{id}``.
        with_tracks: Whether identities are required.
        is_truth: Whether boxes of heads are required.

    Raises:
        DataError: Something is malformed; the text names file, entry and key.
    """
    records = content['annotations']
    if not isinstance(records, Records):
        records = Records(path, 'annotations', records)
    image_ids = records.integers('image_id')
    strays = ~np.isin(image_ids, [image['id'] for image in images])
    if strays.any():
        raise records.error(int(strays.argmax()), 'image_id', 'be a frame of the annotated video')
    tracks = records.integers('track_id', None if with_tracks else -1)
    if with_tracks:
        _check_tracks(records, image_ids, tracks)
    joints = _read_joints(records, _joint_names(path, content, records))
    sizes = np.zeros(len(records))
    if is_truth:
        boxes = records.rows('bbox_head', 4)  # left, top, width, height
        corners = np.stack([np.zeros((len(boxes), 2)), boxes[:, 2:]], axis=1)
        sizes = head_sizes(corners)
    return VideoPersons(
        image_ids, joints[..., :2], joints[..., 2] > 0, joints[..., 3], tracks, sizes
    )


def _check_tracks(records: Records, image_ids: np.ndarray, tracks: np.ndarray) -> None:
    pairs = np.stack([image_ids, tracks], axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    if len(first) < len(pairs):
        repeated = int(np.setdiff1d(np.arange(len(pairs)), first)[0])
        raise records.error(repeated, 'track_id', 'occur once in its frame')


def _joint_names(path: str, content: Mapping[str, Any], records: Records) -> Sequence[str]:
    """Return the names of a file's keypoints (K,)."""
    categories = Records(path, 'categories', content.get('categories') or [])
    if len(categories):
        try:
            names = skeleton_from_category(categories.records[0]).joint_names
        except DataError as error:
            raise DataError(f'{path}: {error}') from error
    else:
        keypoints = records.records[0].get('keypoints') if len(records) else None
        length = len(keypoints) if isinstance(keypoints, list) else 0
        names = _UNNAMED.get(length // 3, POSETRACK18).joint_names
    if not match_joints(names, POSETRACK17.joint_names):
        raise DataError(
            f'{path}: categories[0].keypoints must name keypoints of PoseTrack, got {names}'
        )
    return names


def _read_joints(records: Records, names: Sequence[str]) -> Floats:
    """Return x, y, whether it exists, and score of the keypoints (N, 15, 4)."""
    points = records.rows('keypoints', 3 * len(names)).reshape(-1, len(names), 3)
    scores = points[..., 2]
    if any(record.get('scores') for record in records.records):
        scores = records.rows('scores', len(names))
    exists = points.any(axis=-1)
    joints = np.concatenate([points[..., :2], exists[..., None], scores[..., None]], axis=-1)
    sources, targets = np.array(match_joints(names, POSETRACK17.joint_names)).T
    ordered = np.zeros((len(points), POSETRACK17.num_joints, 4))
    ordered[:, targets] = joints[:, sources]
    return ordered


def pair_frames(
    videos: Sequence[Video],
    results: Sequence[VideoPersons],
    excluded: Collection[int] = (),
) -> list[VideoFrame]:
    """Bring annotated and predicted people of each frame together.

    Frames without annotated people are left out. Keypoints in ignored regions do not exist.

    Args:
        videos: V annotated videos.
        results: Predicted people of each of them (V,).
        excluded: Frames that do not count.

    Raises:
        DataError: No frame has an annotated person.
    """
    frames = []
    for number, (video, predicted) in enumerate(zip(videos, results, strict=True)):
        annotated = set(video.persons.image_ids.tolist()) - set(excluded)
        for image_id in sorted(annotated):
            polygons = video.polygons[image_id]
            truth, found = video.persons.of_frame(image_id), predicted.of_frame(image_id)
            frames.append(
                VideoFrame(
                    video=number,
                    truth=truth.keypoints,
                    labelled=truth.outside(polygons),
                    head_sizes=truth.head_sizes,
                    truth_tracks=truth.tracks,
                    results=found.keypoints,
                    found=found.outside(polygons),
                    scores=found.scores,
                    result_tracks=found.tracks,
                )
            )
    if not frames:
        raise DataError('the annotations must have people in at least one frame, they have none')
    return frames


def summarise(
    detections: JointDetections, counts: TrackCounts | None = None, weights: Floats | None = None
) -> dict[str, float]:
    """Return the published scores, percent.

    Args:
        detections: Result of :func:`posenas.evaluation.functional.collect_detections`.
        counts: Result of :func:`posenas.evaluation.functional.count_tracks`, if identities count.
        weights: How often each video counts (V,); None counts each once.

    Returns:
        ``Head AP`` to ``Ankl AP`` and ``Total AP``; with ``counts`` the same for ``MOTA``, and
        ``Total MOTP``, ``Total MOT Precision`` and ``Total MOT Recall``.
    """
    scores = group_means(joint_precision(detections, weights)[0], 'AP')
    if counts is not None:
        tracked = track_scores(counts, weights)
        scores |= group_means(tracked.pop('MOTA'), 'MOTA')
        for name, values in tracked.items():
            scores[f'Total {name}'] = group_means(values, name)[f'Total {name}']
    return scores


def video_content(
    images: Sequence[Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the official file of predictions for a video.

    Args:
        images: ``{id, file_name}`` of each frame.
        annotations: Predicted people ``{image_id, keypoints (51), scores (17), score,
            track_id}``, keypoints as in ``POSETRACK18``.
    """
    category = dict(
        supercategory='person',
        id=1,
        name='person',
        keypoints=list(POSETRACK18.joint_names),
        skeleton=[[i + 1, j + 1] for i, j in POSETRACK18.limbs],
    )
    return dict(
        images=[dict(image) for image in images],
        annotations=[dict(annotation) for annotation in annotations],
        categories=[category],
    )
