"""The scores by which results on LSP Extended are compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posenas.evaluation.functional import mean_accuracy, normalised_distances, segment_size
from posenas.evaluation.metrics.base import PoseMetric, load_annotations, predicted_keypoints
from posenas.registry import METRICS
from posenas.utils import DataError

#: Keypoints that skeletons without neck and top of the head share with LSP's.
_LIMB_JOINTS = tuple(
    f'{side}_{joint}'
    for joint in ('ankle', 'knee', 'hip', 'wrist', 'elbow', 'shoulder')
    for side in ('right', 'left')
)


@METRICS.register_module()
class LspPCKMetric(PoseMetric):
    """PCK against a label file with one person per image, by image id.

    The network may crop by any box: keypoints and sizes come from the labels. Predicted keypoints
    are matched by name, so a network of another skeleton, such as COCO's, is scored over the
    keypoints it has.

    Scores, in percent, each the mean over keypoint types:

    - ``PCK@0.1``: over all keypoints of the file, within 0.1 times the longer side of the label
      box; left out if the network lacks a keypoint. ``PCK@0.05`` accordingly.
    - ``PCK@0.1 limbs``: the same over ankles, knees, hips, wrists, elbows and shoulders.
    - ``tPCK@0.2``: within 0.2 times the distance from left shoulder to right hip, over people
      that have both, over the keypoints that the network has.

    Args:
        ann_file: COCO JSON with the keypoint names in its category and one annotation per image.
        **kwargs: Arguments of :class:`PoseMetric`.

    Raises:
        DataError: ``ann_file`` cannot be read, does not name LSP's keypoints, or has a label
            without all of them, without a box, or a second one of an image.
    """

    def __init__(self, ann_file: str | Path, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        data = load_annotations(ann_file)
        category = (data.get('categories') or [{}])[0]
        self.joints = tuple(category.get('keypoints', ()))
        lacking = set(_LIMB_JOINTS) - set(self.joints)
        if lacking:
            raise DataError(f'{ann_file} must name the keypoints of LSP, lacks {sorted(lacking)}')
        labels = [label for label in data['annotations'] if not label['iscrowd']]
        self.labels = {label['image_id']: label for label in labels}
        if len(self.labels) != len(labels):
            raise DataError(f'{ann_file} must hold one annotation per image, got more for some')

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take the predicted keypoints (K, 2)."""
        if sample['img_id'] not in self.labels:
            raise DataError(
                f'image {sample["img_id"]} must be in the annotation file of the metric, which has '
                'no label for it: give dataset and metric the same split'
            )
        return dict(prediction=predicted_keypoints(sample)[:, :2])

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Compute the scores listed by the class."""
        labels = [self.labels[result['img_id']] for result in results]
        shape = (len(labels), len(self.joints), 3)
        truth = np.array([label['keypoints'] for label in labels], np.float64).reshape(shape)
        keypoints, labelled = truth[..., :2], truth[..., 2] > 0
        predictions, predicted = self._by_name(results)

        bbox_sizes = np.array([max(label['bbox'][2:]) for label in labels], np.float64)
        by_box = normalised_distances(predictions, keypoints, labelled & predicted, bbox_sizes)
        torso = self.joints.index('left_shoulder'), self.joints.index('right_hip')
        torso_sizes = segment_size(keypoints, labelled, torso)
        by_torso = normalised_distances(predictions, keypoints, labelled & predicted, torso_sizes)

        scores = {}
        if predicted.all():
            scores['PCK@0.1'] = mean_accuracy(by_box, 0.1)
            scores['PCK@0.05'] = mean_accuracy(by_box, 0.05)
        limbs = [self.joints.index(name) for name in _LIMB_JOINTS]
        scores['PCK@0.1 limbs'] = mean_accuracy(by_box[:, limbs], 0.1)
        scores['tPCK@0.2'] = mean_accuracy(by_torso, 0.2)
        return {name: 100 * value for name, value in scores.items()}

    def _by_name(self, results: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
        """Order predictions like the labels: (N, K, 2), and which keypoints there are, (K,)."""
        indices = self.dataset_meta['keypoint_name2id']
        predictions = np.zeros((len(results), len(self.joints), 2))
        predicted = np.array([name in indices for name in self.joints])
        for column, name in enumerate(self.joints):
            if name in indices:
                column_of = [result['prediction'][indices[name]] for result in results]
                predictions[:, column] = np.reshape(column_of, (-1, 2))
        return predictions, predicted
