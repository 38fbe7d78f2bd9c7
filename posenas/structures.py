"""The data sample that travels from the pipeline through the model to the metric."""

from collections.abc import Sequence
from typing import Any

from mmengine.structures import BaseDataElement, InstanceData, PixelData


class PoseDataSample(BaseDataElement):
    """Ground truth and predictions of one image crop; N instances (1 for top-down), K keypoints.

    Attributes:
        gt_instances: ``bboxes`` (N, 4) x1 y1 x2 y2, ``bbox_scores`` (N,), ``bbox_scales`` (N, 2),
            ``keypoints`` (N, K, 2), ``keypoints_visible`` (N, K); NumPy, image pixels.
        gt_instance_labels: ``keypoint_weights`` (N, K), loss weights of the encoded keypoints;
            targets that are no heatmaps: ``keypoint_x_labels`` (N, K, bins of x),
            ``keypoint_y_labels`` (N, K, bins of y), ``keypoint_labels`` (N, K, 2).
        gt_fields: ``heatmaps`` (C, H, W), the targets.
        pred_instances: ``keypoints`` (N, K, 2) image pixels, ``keypoint_scores`` (N, K),
            ``keypoints_visible`` (N, K), ``bboxes`` (N, 4), ``bbox_scores`` (N,); with a calibrator
            ``keypoint_visibilities`` (N, K), probabilities.
        pred_fields: ``heatmaps`` (C, H, W), the network's output.
    """

    def _set_typed(self, name: str, value: BaseDataElement, data_type: type) -> None:
        self.set_field(value, f'_{name}', dtype=data_type)

    @property
    def gt_instances(self) -> InstanceData:
        """Annotated instances."""
        return self._gt_instances

    @gt_instances.setter
    def gt_instances(self, value: InstanceData) -> None:
        self._set_typed('gt_instances', value, InstanceData)

    @gt_instances.deleter
    def gt_instances(self) -> None:
        del self._gt_instances

    @property
    def gt_instance_labels(self) -> InstanceData:
        """Encoded labels of the annotated instances."""
        return self._gt_instance_labels

    @gt_instance_labels.setter
    def gt_instance_labels(self, value: InstanceData) -> None:
        self._set_typed('gt_instance_labels', value, InstanceData)

    @gt_instance_labels.deleter
    def gt_instance_labels(self) -> None:
        del self._gt_instance_labels

    @property
    def gt_fields(self) -> PixelData:
        """Encoded target maps."""
        return self._gt_fields

    @gt_fields.setter
    def gt_fields(self, value: PixelData) -> None:
        self._set_typed('gt_fields', value, PixelData)

    @gt_fields.deleter
    def gt_fields(self) -> None:
        del self._gt_fields

    @property
    def pred_instances(self) -> InstanceData:
        """Predicted instances."""
        return self._pred_instances

    @pred_instances.setter
    def pred_instances(self, value: InstanceData) -> None:
        self._set_typed('pred_instances', value, InstanceData)

    @pred_instances.deleter
    def pred_instances(self) -> None:
        del self._pred_instances

    @property
    def pred_fields(self) -> PixelData:
        """Predicted maps."""
        return self._pred_fields

    @pred_fields.setter
    def pred_fields(self, value: PixelData) -> None:
        self._set_typed('pred_fields', value, PixelData)

    @pred_fields.deleter
    def pred_fields(self) -> None:
        del self._pred_fields


def merge_data_samples(data_samples: Sequence[PoseDataSample]) -> PoseDataSample:
    """Put the people of one image into one sample, as a visualizer draws them.

    Args:
        data_samples: One per person, such as ``inference_topdown`` returns.

    Returns:
        A sample with the metainfo of the first, and ``gt_instances`` and ``pred_instances`` of all;
        maps of single crops are left out.

    Raises:
        ValueError: There is no sample.
    """
    if not data_samples:
        raise ValueError('data_samples must hold at least one sample, got none')
    merged = PoseDataSample(metainfo=data_samples[0].metainfo)
    for name in ('gt_instances', 'pred_instances'):
        if name in data_samples[0]:
            parts = [getattr(sample, name) for sample in data_samples]
            setattr(merged, name, InstanceData.cat(parts))
    return merged


def split_instances(instances: InstanceData) -> list[dict[str, Any]]:
    """Turn people into plain Python values.

    Returns:
        Per person ``keypoints`` [[x, y], ...], ``keypoint_scores`` and, where they are known,
        ``keypoint_visibilities``, ``bbox`` [[x1, y1, x2, y2]], nested as readers of MMPose's files
        expect, and ``bbox_score``.
    """
    people = []
    for i in range(len(instances)):
        person = dict(
            keypoints=instances.keypoints[i].tolist(),
            keypoint_scores=instances.keypoint_scores[i].tolist(),
        )
        if 'keypoint_visibilities' in instances:
            person['keypoint_visibilities'] = instances.keypoint_visibilities[i].tolist()
        if 'bboxes' in instances:
            person['bbox'] = [instances.bboxes[i].tolist()]
        if 'bbox_scores' in instances:
            person['bbox_score'] = float(instances.bbox_scores[i])
        people.append(person)
    return people
