"""PoseTrack 2018: people in videos."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posenas.datasets.annotations import CocoFile, read_coco_file
from posenas.datasets.base import BaseTopdownDataset
from posenas.datasets.persons import PersonTable, join_images, join_persons
from posenas.registry import DATASETS
from posenas.utils.errors import DataError

#: Share of width and height by which the official boxes exceed the labelled keypoints on each side.
_MARGIN = 0.15


@DATASETS.register_module()
class PoseTrack18Dataset(BaseTopdownDataset):
    """Persons in the labelled frames of PoseTrack 2018; takes the base class's arguments.

    ``ann_file`` is one file in COCO's layout that holds all videos, as MMPose distributes, or the
    folder of the official files, one per video. People without a box get the smallest around
    their labelled keypoints, enlarged by 15 % on each side, which is how the official boxes are
    made. Ears are never labelled. Samples, and ``raw_ann_info`` in test mode, have ``track_id``
    where the file has it; with a ``bbox_file`` it is the detector's.

    Source: Andriluka et al., PoseTrack: A Benchmark for Human Pose Estimation and Tracking,
    CVPR 2018.
    """

    METAINFO: ClassVar[Mapping[str, str]] = {'dataset_name': 'posetrack18'}

    def load_persons(self) -> tuple[PersonTable, dict[str, int]]:
        """Read the people of all videos and count those left out by reason."""
        files = [read_coco_file(path, self.backend_args) for path in self._list_files()]
        self._agree_on_skeleton(files)
        num_joints = self.skeleton.num_joints
        images = join_images([file.images for file in files])
        if len(np.unique(images.ids)) < len(images):
            raise DataError(f'{self.ann_file}: images[].id must differ between the videos')
        if self.bbox_file:
            merged = replace(files[0], path=self.ann_file, images=images)
            threshold = self.filter_cfg.get('bbox_score_thr')
            return merged.detections(self.bbox_file, num_joints, threshold)
        tables, dropped = [], Counter()
        for file in files:
            persons, left_out = _with_boxes(file).persons(num_joints, self.generation)
            tables.append(persons)
            dropped.update(left_out)
        return join_persons(tables), dict(dropped)

    def _list_files(self) -> list[str]:
        if not Path(self.ann_file).is_dir():
            return [self.ann_file]
        files = sorted(map(str, Path(self.ann_file).glob('*.json')))
        if not files:
            raise DataError(
                f'{self.ann_file} must hold the files of PoseTrack, one .json per video, has none'
            )
        return files

    def _agree_on_skeleton(self, files: Sequence[CocoFile]) -> None:
        """Take the skeleton that the files name, unless one was given."""
        if self._given is not None:
            return
        for file in files:
            if file.skeleton is not None and file.skeleton != files[0].skeleton:
                raise DataError(
                    f'{file.path}: categories[].keypoints must be those of {files[0].path}, got '
                    f'{file.skeleton.joint_names}'
                )
        if files[0].skeleton is not None:
            self._set_skeleton(files[0].skeleton)

    def get_data_info(self, index: int) -> dict[str, Any]:
        """Return sample ``index`` as it enters the pipeline, but for ``rng``."""
        return super().get_data_info(index) | self._track(index)

    def _raw_annotation(self, index: int, info: Mapping[str, Any]) -> dict[str, Any]:
        return super()._raw_annotation(index, info) | self._track(index)

    def _track(self, index: int) -> dict[str, int]:
        track = int(self.persons.track_ids[index])
        return {} if track < 0 else {'track_id': track}


def _with_boxes(file: CocoFile) -> CocoFile:
    """Give people without a box that of their labelled keypoints."""
    if file.annotations is None:
        return file
    for record in file.annotations.records:
        if 'bbox' not in record:
            record['bbox'] = _enclose(record.get('keypoints'))
    return file


def _enclose(keypoints: object) -> list[float]:
    """Return left, top, width, height around labelled keypoints; nothing if malformed."""
    try:
        joints = np.array(keypoints, np.float64).reshape(-1, 3)
    except (TypeError, ValueError):
        return [0.0] * 4  # the reader of keypoints describes the error
    points = joints[joints[:, 2] > 0, :2]
    if len(points) == 0:
        return [0.0] * 4
    low, size = points.min(0), np.ptp(points, axis=0)
    return [*(low - _MARGIN * size).tolist(), *((1 + 2 * _MARGIN) * size).tolist()]
