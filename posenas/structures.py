"""The data sample that travels from the pipeline through the model to the metric."""

from collections.abc import Sequence
from typing import Any

from mmengine.structures import BaseDataElement, InstanceData, PixelData


def _typed(name: str, kind: type, text: str) -> property:
    """Make a property, kept as ``_name``, that takes values of one type."""
    stored = f'_{name}'
    return property(
        lambda self: getattr(self, stored),
        lambda self, value: self.set_field(value, stored, dtype=kind),
        lambda self: delattr(self, stored),
        text,
    )


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

    gt_instances = _typed('gt_instances', InstanceData, 'Annotated instances.')
    gt_instance_labels = _typed(
        'gt_instance_labels', InstanceData, 'Encoded labels of the annotated instances.'
    )
    gt_fields = _typed('gt_fields', PixelData, 'Encoded target maps.')
    pred_instances = _typed('pred_instances', InstanceData, 'Predicted instances.')
    pred_fields = _typed('pred_fields', PixelData, 'Predicted maps.')


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
