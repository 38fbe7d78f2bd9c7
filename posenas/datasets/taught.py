"""People whose keypoints a teacher labelled, alone or where annotators left some out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from posenas.datasets.annotations import read_coco_file
from posenas.datasets.base import BaseTopdownDataset
from posenas.datasets.persons import PersonTable
from posenas.geometry import convert_keypoints
from posenas.registry import DATASETS
from posenas.utils.checks import check_probability
from posenas.utils.errors import ConfigError, DataError


@DATASETS.register_module()
class TaughtDataset(BaseTopdownDataset):
    """People of a file in COCO's layout with the keypoints and scores of a teacher.

    A keypoint that the teacher set has its score as weight in the loss, once, and none below
    ``score_thr``. One that an annotator set stays as it is, with weight 1. The teacher's visibility
    says nothing, so its keypoints are never marked as visible (``keypoints_level`` 1). People
    without any keypoint are left out: they are for detectors.

    Args:
        ann_file: Annotation file. If it is the teacher's, its annotations have
            ``keypoint_scores``, and there is no ``teacher_file``.
        teacher_file: The teacher's file for the people of ``ann_file``, with the same ids, relative
            to the folder that the command is started in.
        mapping: Pairs (source, target) of keypoints that bring ``ann_file`` to the teacher's
            skeleton, see :class:`KeypointConverter`; None if it has that already.
        metainfo: The teacher's skeleton.
        score_thr: Least score of a teacher's keypoint.
        min_mean_score: Least mean score over all keypoints of a person whose keypoints the teacher
            may set.
        lazy_init: Whether to read the files only when they are needed.
        **kwargs: Other arguments of :class:`BaseTopdownDataset`; there is no test mode.

    Raises:
        ConfigError: ``test_mode`` is set, or a mapping has no other file to bring it to.
        DataError: A file is malformed, or a person is unknown to the teacher's.
    """

    def __init__(
        self,
        ann_file: str = '',
        teacher_file: str | None = None,
        mapping: Sequence[tuple[int, int]] | None = None,
        metainfo: dict | None = None,
        score_thr: float = 0.3,
        min_mean_score: float = 0.0,
        lazy_init: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs.get('test_mode'):
            raise ConfigError(
                'test_mode must be False: keypoints of a teacher cannot be used for scores'
            )
        if mapping is not None and teacher_file is None:
            raise ConfigError('mapping needs teacher_file: a teacher has one skeleton')
        check_probability('score_thr', score_thr)
        check_probability('min_mean_score', min_mean_score)
        super().__init__(
            ann_file, metainfo=metainfo or dict(dataset_name='coco'), lazy_init=True, **kwargs
        )
        self.teacher_file, self.mapping = teacher_file, mapping
        self.score_thr, self.min_mean_score = score_thr, min_mean_score
        if not lazy_init:
            self.full_init()

    def list_files(self) -> list[str]:
        """List the file, unless its skeleton is another one."""
        return [self.ann_file] if self.mapping is None else []

    def load_persons(self) -> tuple[PersonTable, dict[str, int]]:
        """Read the people and what the teacher says of them; see the base class."""
        coco = self.read_file()
        num_joints = self.skeleton.num_joints
        if self.teacher_file is None:
            persons, dropped = coco.boxes(num_joints, self.generation)
            teacher = coco
        else:
            own = num_joints if self.mapping is None else coco.skeleton.num_joints
            persons, dropped = coco.persons(own, self.generation)
            if self.mapping is not None:
                persons = _convert(persons, num_joints, self.mapping)
            teacher = read_coco_file(self.teacher_file, self.backend_args)
        persons = self._fill(persons, *teacher.teacher_keypoints(num_joints))
        labelled = (persons.visibility > 0).any(axis=1)
        without = dropped.get('without keypoints', 0) + int((~labelled).sum())
        return persons.select(labelled), dropped | {'without keypoints': without}

    def _fill(
        self, persons: PersonTable, ids: np.ndarray, keypoints: np.ndarray, scores: np.ndarray
    ) -> PersonTable:
        """Set the keypoints that ``persons`` lack, as far as the teacher's (N, K, 3) suffice."""
        order = np.argsort(ids)
        places = np.searchsorted(ids, persons.ids, sorter=order)
        rows = order[np.minimum(places, len(order) - 1)]
        lacking = ids[rows] != persons.ids
        if lacking.any():
            raise DataError(
                f'{self.teacher_file} must have the people of {self.ann_file}, got none with id '
                f'{persons.ids[lacking][0]}: give the file that was made for it'
            )
        points, given = keypoints[rows, :, :2], keypoints[rows, :, 2] > 0
        trusted = scores[rows].mean(axis=1, keepdims=True) >= self.min_mean_score
        by_human = persons.visibility > 0
        by_teacher = ~by_human & given & (scores[rows] >= self.score_thr) & trusted
        weights = np.where(by_human, 1, np.where(by_teacher, scores[rows], 0))
        return replace(
            persons,
            keypoints=np.where(by_teacher[:, :, None], points, persons.keypoints).astype(
                np.float32
            ),
            visibility=np.where(by_teacher, 1, persons.visibility).astype(np.uint8),
            label_scores=weights.astype(np.float32),
        )


def _convert(
    persons: PersonTable, num_joints: int, mapping: Sequence[tuple[int, int]]
) -> PersonTable:
    """Bring ``persons`` to a skeleton of ``num_joints`` keypoints."""
    keypoints, visibility = convert_keypoints(
        persons.keypoints, persons.visibility, num_joints, [tuple(pair) for pair in mapping]
    )
    return replace(persons, keypoints=keypoints, visibility=visibility)
