"""PoseTrack 2018: people in videos."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posenas.datasets.annotations import CocoFile, read_coco_file
from posenas.datasets.base import BaseTopdownDataset
from posenas.datasets.persons import PersonTable, join_images, join_persons
from posenas.registry import DATASETS
from posenas.utils.errors import DataError


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
        files = [self._read(path) for path in self.list_files()]
        self._agree_on_skeleton(files)
        num_joints = self.skeleton.num_joints
        images = join_images([file.images for file in files])
        if len(np.unique(images.ids)) < len(images):
            raise DataError(f'{self.ann_file}: images[].id must differ between the videos')
        if self.bbox_file:
            merged = files[0]
            merged.images = images
            threshold = self.filter_cfg.get('bbox_score_thr')
            return merged.detections(self.bbox_file, num_joints, threshold)
        tables, dropped, self.findings = [], Counter(), []
        for file in files:
            persons, left_out = file.persons(num_joints, self.generation)
            tables.append(persons)
            dropped.update(left_out)
            self.findings += file.file.findings
        return join_persons(tables), dict(dropped)

    def _read(self, path: str) -> CocoFile:
        return read_coco_file(path, self.backend_args, self.image_folder)

    def list_files(self) -> list[str]:
        """List the annotation files, one for each video or one for all."""
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
        if self.given is not None:
            return
        for file in files:
            if file.skeleton is not None and file.skeleton != files[0].skeleton:
                raise DataError(
                    f'{file.path}: categories[].keypoints must be the same as in {files[0].path}, '
                    f'got {file.skeleton.joint_names}'
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
