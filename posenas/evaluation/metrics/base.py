"""What all pose metrics share: each person counted once, the missing ones reported."""

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from posenas.annotations import Source, read_annotations
from posenas.utils import ConfigError, DataError


class PoseMetric(BaseMetric):
    """Base of metrics over people, one sample per person.

    Samples that a distributed sampler repeats count once. Samples whose image could not be read,
    marked by ``bad_sample`` or missing, are excluded from the score; their number is logged beside
    it and returned as ``excluded`` when it is not 0.

    Of networks for videos the scores are repeated for each place in the period, such as ``PCK at
    2`` of the second frame after a key frame, where a metric can tell.

    Args:
        collect_device: 'cpu' or 'gpu', where results of several processes meet.
        prefix: Put before the names of the scores, with a slash.
        collect_dir: Shared folder through which they meet on 'cpu'.

    Attributes:
        bad_images: Ids of the images that could not be read, known while :meth:`score` runs.
    """

    default_prefix = ''  # mmengine warns about None
    _COUNTED: ClassVar[str] = 'people'  # what one sample is, in messages

    def __init__(
        self,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.bad_images: frozenset[object] = frozenset()
        self._size = 0

    @property
    def dataset_meta(self) -> Mapping[str, Any] | None:
        """The ``metainfo`` of the data set; None before it is known."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: Mapping[str, Any]) -> None:
        self.check_skeleton(meta)
        self._dataset_meta = meta

    def check_skeleton(self, meta: Mapping[str, Any]) -> None:
        """Refuse a data set whose skeleton cannot be scored, before anything is predicted.

        Args:
            meta: The data set's ``metainfo``.

        Raises:
            ConfigError: Keypoints are missing; by default, none need to be there.
        """

    @abstractmethod
    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take from one data sample what :meth:`score` needs, as plain data and arrays."""

    @abstractmethod
    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Compute the scores from what :meth:`extract` took of each person."""

    def score_position(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Score people at one place in the period alone; by default, nothing is known of them.

        Metrics that measure every person by itself return :meth:`score` of them.
        """
        return {}

    def process(self, data_batch: object, data_samples: Sequence[dict[str, Any]]) -> None:
        """Store what one batch of data samples, as dicts, contributes."""
        for sample in data_samples:
            source = sample.get('dataset_name')  # ids of two data sets may be equal
            result = dict(id=sample['id'], img_id=sample['img_id'], source=source)
            if 'period_position' in sample:
                result['position'] = sample['period_position']
            if 'bad_sample' in sample:
                result['bad_sample'] = sample['bad_sample']
            else:
                result.update(self.extract(sample))
            self.results.append(result)

    def evaluate(self, size: int) -> dict[str, float]:
        """Score everything processed so far; ``size`` is the number of samples of the dataset."""
        self._size = size
        scores: dict[str, float] = super().evaluate(size)
        return scores

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Drop repeated people, score the others, say how many are missing."""
        unique = {(r['source'], r['img_id'], r['id']): r for r in results}.values()
        self.bad_images = frozenset(r['img_id'] for r in unique if 'bad_sample' in r)
        persons = [result for result in unique if result['img_id'] not in self.bad_images]
        scores = {name: float(value) for name, value in self.score(persons).items()}
        for position in sorted({p['position'] for p in persons if 'position' in p}):
            part = [person for person in persons if person.get('position') == position]
            found = self.score_position(part)
            scores.update({f'{name} at {position}': float(v) for name, v in found.items()})
        # the size is unknown to searches, which score without mmengine's collective evaluation
        excluded = max(self._size, len(unique)) - len(persons)
        print_log(
            f'{type(self).__name__}: {len(persons)} {self._COUNTED} scored, {excluded} excluded'
            + (f' ({len(self.bad_images)} images could not be read)' if self.bad_images else ''),
            logger='current',
            level=logging.WARNING if excluded else logging.INFO,
        )
        return dict(scores, excluded=float(excluded)) if excluded else scores


def load_annotations(
    path: str | Path,
    num_joints: int | None = None,
    keep_counts: bool = False,
    source: Source | None = None,
) -> dict[str, Any]:
    """Read the people of an annotation file in COCO's layout, as the data sets do.

    Args:
        path: The file.
        num_joints: Number of keypoints of each person; None takes the file's.
        keep_counts: See :meth:`posenas.annotations.AnnotationFile.people_content`.
        source: See :func:`posenas.annotations.read_annotations`.

    Raises:
        DataError: It cannot be read or is not such a file.
    """
    file = read_annotations(str(path), source=source)
    if not file.has_annotations:
        file.findings.require()
        raise DataError(f"{path} must be a COCO JSON file with 'annotations': give the label file")
    file.check_people(num_joints or file.count_joints())
    file.findings.require()
    return file.people_content(keep_counts)


def predicted_keypoints(sample: Mapping[str, Any]) -> np.ndarray:
    """Return keypoints and confidences (K, 3) of the one person of a top-down data sample.

    Raises:
        ConfigError: They are other keypoints than those of the data.
        DataError: A value is not finite.
    """
    instances = sample['pred_instances']
    joints, scores = instances['keypoints'][0], instances['keypoint_scores'][0]
    labels = sample.get('gt_instances', {}).get('keypoints')
    if labels is not None and len(labels[0]) != len(joints):
        raise ConfigError(
            f'predictions must have the {len(labels[0])} keypoints of the data to be scored, got '
            f'{len(joints)}: unset test_cfg.output_keypoint_indices, or give the config of the data'
        )
    keypoints = np.concatenate([joints, np.asarray(scores)[:, None]], axis=1)  # (K, 3)
    if not np.isfinite(keypoints).all():
        raise DataError(
            f'the prediction of sample {sample["id"]} (image {sample["img_id"]}) must be finite, '
            'got NaN or infinity: the weights or the input are broken'
        )
    return keypoints
