"""Average precision of people in videos by the rules of PoseTrack 2018."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from posenas.evaluation.functional import (
    PoseSelection,
    collect_detections,
    count_tracks,
    group_by_image,
)
from posenas.evaluation.metrics.base import PoseMetric, predicted_keypoints
from posenas.evaluation.posetrack import (
    pair_frames,
    read_persons,
    read_videos,
    summarise,
    video_content,
)
from posenas.registry import METRICS
from posenas.skeletons import POSETRACK18, match_joints
from posenas.utils import ConfigError, DataError
from posenas.utils.atomic_io import write_json
from posenas.utils.telling import tell


@METRICS.register_module()
class PoseTrack18Metric(PoseMetric):
    """Average precision of keypoints as PoseTrack's official tool computes it, and tracking scores.

    Scores, percent: ``Head AP``, ``Shou AP``, ``Elb AP``, ``Wri AP``, ``Hip AP``, ``Knee AP``,
    ``Ankl AP``, and their mean over all keypoints, ``AP``, also called ``Total AP``. Where every
    person has an identity, ``track_ids`` of the predictions or ``track_id`` of the detected boxes,
    the same for ``MOTA``, and ``MOTP``, ``MOT Precision`` and ``MOT Recall`` of all keypoints.
    Annotated identities do not count: they are the answer.

    Keypoints are matched by name, so a model with COCO's skeleton is scored on the 13 keypoints
    that PoseTrack shares with it. Frames without annotated people do not count.

    Args:
        ann_file: File with the annotations of all videos, or the folder of the official files. A
            file ``X_val.json`` beside a folder ``val`` stands for that folder, as in MMPose.
        score_mode: Score of a pose, see :class:`CocoMetric`. It decides which of two duplicates
            stays.
        keypoint_score_thr: Keypoints enter the mean if their confidence is greater.
        nms_mode: One of :data:`posenas.evaluation.functional.NMS_MODES`.
        nms_thr: OKS above which the lesser of two poses is dropped; decay of soft NMS.
        seen_only: Whether frames of which no sample came do not count, where a part of the videos
            is tested.
        format_only: Write the results and score nothing, for videos without labels.
        outfile_prefix: Folder for the results in the official layout, one file per video; nothing
            is written if not given.
        **kwargs: Arguments of :class:`PoseMetric`.

    Raises:
        ConfigError: ``ann_file`` is missing, or ``format_only`` without ``outfile_prefix``.
        DataError: ``ann_file`` cannot be read or is malformed.
    """

    default_prefix = 'posetrack18'

    def __init__(
        self,
        ann_file: str | Path | None = None,
        score_mode: str = 'bbox_keypoint',
        keypoint_score_thr: float = 0.2,
        nms_mode: str = 'oks_nms',
        nms_thr: float = 0.9,
        seen_only: bool = False,
        format_only: bool = False,
        outfile_prefix: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if ann_file is None:
            raise ConfigError('PoseTrack18Metric needs ann_file: it names the videos and frames')
        if format_only and outfile_prefix is None:
            raise ConfigError('format_only needs outfile_prefix, the folder of the results')
        self.ann_file = _find_annotations(Path(ann_file))
        self.videos = read_videos(self.ann_file)
        self.video_of = {
            image['id']: number
            for number, video in enumerate(self.videos)
            for image in video.images
        }
        self.select = PoseSelection(score_mode, keypoint_score_thr, nms_mode, nms_thr)
        self.seen_only = seen_only
        self.format_only = format_only
        self.outfile_prefix = outfile_prefix

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take keypoints (K, 3), score of the box, area, and the identity where there is one.

        Raises:
            DataError: The sample's image is no frame of the annotated videos.
        """
        if sample['img_id'] not in self.video_of:
            raise DataError(
                f'image {sample["img_id"]} of sample {sample["id"]} must be a frame of '
                f'{self.ann_file}: give the metric the annotations of the data set'
            )
        predicted = sample['pred_instances']
        is_detected = 'raw_ann_info' not in sample
        track = np.ravel(
            predicted.get('track_ids', sample.get('track_id', -1) if is_detected else -1)
        )
        return dict(
            keypoints=predicted_keypoints(sample),
            bbox_score=float(predicted['bbox_scores'][0]),
            area=float(np.prod(sample['input_scale'])),
            track_id=int(track[0]),
            truth=sample.get('raw_ann_info', {}).get('track_id', -1),
        )

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Rescore, remove duplicates, write the result files, evaluate."""
        has_tracks = bool(results) and all(result['track_id'] >= 0 for result in results)
        contents = self._contents(results, has_tracks)
        if self.outfile_prefix is not None:
            tell(f'writing results to {self.outfile_prefix}')
            for video, content in zip(self.videos, contents, strict=True):
                write_json(Path(self.outfile_prefix, f'{video.name}.json'), content)
        if self.format_only:
            return {}
        persons = [
            read_persons(video.name, content, video.images, has_tracks)
            for video, content in zip(self.videos, contents, strict=True)
        ]
        unseen = self.video_of.keys() - {result['img_id'] for result in results}
        excluded = self.bad_images | (unseen if self.seen_only else set())
        frames = pair_frames(self.videos, persons, excluded)
        num_videos = len(self.videos)
        counts = count_tracks(frames, num_videos) if has_tracks else None
        scores = summarise(collect_detections(frames, num_videos), counts)
        totals = {
            name.removeprefix('Total '): value
            for name, value in scores.items()
            if name.startswith('Total ')
        }
        return scores | totals

    def score_position(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Score people at one place in the period against those who were looked at there.

        Detected boxes belong to nobody annotated, so their places have no scores.
        """
        looked_at = {(result['img_id'], result['truth']) for result in results}
        if any(track < 0 for _, track in looked_at):
            return {}
        persons, videos = [], []
        for video, content in zip(self.videos, self._contents(results, False), strict=True):
            persons.append(read_persons(video.name, content, video.images))
            people = video.persons
            pairs = zip(people.image_ids.tolist(), people.tracks.tolist(), strict=True)
            rows = np.array([pair in looked_at for pair in pairs], bool)
            videos.append(replace(video, persons=people.select(rows)))
        if not any(len(video.persons.image_ids) for video in videos):
            return {}
        frames = pair_frames(videos, persons, self.bad_images)
        scores = summarise(collect_detections(frames, len(videos)))
        return dict(scores, AP=scores['Total AP'])

    def _contents(
        self, results: Sequence[Mapping[str, Any]], has_tracks: bool
    ) -> list[dict[str, Any]]:
        """Return the official file of each video."""
        images = group_by_image(results)
        annotations: list[list[dict[str, Any]]] = [[] for _ in self.videos]
        for image_id in sorted(images):
            annotations[self.video_of[image_id]] += self._persons_of_frame(
                images[image_id], has_tracks
            )
        return [
            video_content(video.images, persons)
            for video, persons in zip(self.videos, annotations, strict=True)
        ]

    def _persons_of_frame(
        self, persons: Sequence[Mapping[str, Any]], has_tracks: bool
    ) -> list[dict[str, Any]]:
        """Score the people of one frame and drop those found twice."""
        keypoints, kept, scores = self.select(persons, self.dataset_meta['sigmas'])
        ordered = self._order_joints(keypoints)
        return [
            dict(
                image_id=int(persons[row]['img_id']),
                keypoints=ordered[row].ravel().tolist(),
                scores=ordered[row, :, 2].tolist(),
                score=float(scores[row]),
                # Without identities a number that no other person of the frame has.
                track_id=persons[row]['track_id'] if has_tracks else number,
            )
            for number, row in enumerate(kept)
        ]

    def _order_joints(self, keypoints: np.ndarray) -> np.ndarray:
        """Move keypoints (N, K, 3) of the model's skeleton to PoseTrack's, (N, 17, 3)."""
        indices = self.dataset_meta['keypoint_name2id']
        pairs = match_joints(sorted(indices, key=indices.__getitem__), POSETRACK18.joint_names)
        if not pairs:
            raise DataError(f'the model must have keypoints of PoseTrack, it has {list(indices)}')
        ordered = np.zeros((len(keypoints), POSETRACK18.num_joints, 3))
        sources, targets = np.array(pairs).T
        ordered[:, targets] = keypoints[:, sources]
        return ordered


def _find_annotations(path: Path) -> Path:
    """Return the folder of official files that the merged file ``path`` stands for, if any."""
    folder = path.parent / path.stem.rpartition('_')[2]
    return folder if path.is_file() and any(folder.glob('*.json')) else path
