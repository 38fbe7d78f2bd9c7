"""From the sample dict to the network's input."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement, InstanceData, PixelData

from posenas.registry import TRANSFORMS
from posenas.structures import PoseDataSample

#: Key of the sample -> field of ``gt_instances``.
_INSTANCE_FIELDS = {
    'bbox': 'bboxes',
    'bbox_score': 'bbox_scores',
    'bbox_scale': 'bbox_scales',
    'keypoints': 'keypoints',
    'keypoints_visible': 'keypoints_visible',
}
#: The same of a photo with the boxes of all its people.
_BOX_FIELDS = {'bboxes': 'bboxes', 'is_ignored': 'is_ignored'}
#: Targets of the codecs that are no heatmaps, one row per person.
_LABELS = ('keypoint_weights', 'keypoint_labels', 'keypoint_x_labels', 'keypoint_y_labels')
_META_KEYS = (
    *('id', 'img_id', 'img_path', 'category_id', 'crowd_index', 'ori_shape', 'img_shape'),
    *('input_size', 'input_center', 'input_scale', 'flip', 'flip_direction', 'flip_indices'),
    *('raw_ann_info', 'dataset_name', 'track_id'),
)

#: What no choice of metainfo may lose: training and metrics depend on it.
_MARKS = ('bad_sample', 'labelled', 'view', 'video_id', 'frame_id', 'clip_frame')


@TRANSFORMS.register_module()
class PackPoseInputs(BaseTransform):
    """Pack ``inputs`` (3, H, W) uint8 and ``data_samples``, a :class:`PoseDataSample`.

    Reads ``img`` (H, W, 3); into ``gt_instances`` go box, score, scale and keypoints, into
    ``gt_instance_labels`` ``keypoint_weights`` and targets that are no heatmaps, such as
    ``keypoint_x_labels``, into ``gt_fields`` ``heatmaps``, as far as they are present; the last two
    are lists of a multilevel target. ``heatmap_stride`` becomes metainfo of ``gt_fields``.
    Of a photo for detectors, which has ``is_ignored`` (N,), that and ``bboxes`` (N, 4) go into
    ``gt_instances`` instead.

    Args:
        meta_keys: Keys that become metainfo of the sample, where present; the marks ``bad_sample``,
            ``labelled``, ``view``, ``video_id``, ``frame_id`` and ``clip_frame`` that data sets
            set always do, and so does ``warp_mat``, the
            matrix (2, 3) from image to input, as nested tuples: predictions go back by it.
        pack_transformed: Whether ``gt_instances`` also gets ``transformed_keypoints``.
    """

    def __init__(
        self, meta_keys: Sequence[str] = _META_KEYS, pack_transformed: bool = False
    ) -> None:
        self.meta_keys = (*meta_keys, *_MARKS)
        self.instance_fields = dict(_INSTANCE_FIELDS)
        if pack_transformed:
            self.instance_fields['transformed_keypoints'] = 'transformed_keypoints'

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        sample = PoseDataSample()
        _fill(sample, _pick(results, self.meta_keys), 'metainfo')
        if 'warp_mat' in results:
            rows = tuple(tuple(row) for row in np.asarray(results['warp_mat']).tolist())
            _fill(sample, {'warp_mat': rows}, 'metainfo')
        is_photo = 'is_ignored' in results
        fields = _BOX_FIELDS.items() if is_photo else self.instance_fields.items()
        sample.gt_instances = _fill(
            InstanceData(), {field: results[key] for key, field in fields if key in results}
        )
        if 'keypoint_weights' in results:
            labels = {key: _to_tensor(value) for key, value in _pick(results, _LABELS).items()}
            sample.gt_instance_labels = _fill(InstanceData(), labels)
        if 'heatmaps' in results:
            heatmaps = _to_tensor(results['heatmaps'])
            sample.gt_fields = _fill(PixelData(), {'heatmaps': heatmaps})
            _fill(sample.gt_fields, _pick(results, ['heatmap_stride']), 'metainfo')
        return {'inputs': _to_channels(results['img']), 'data_samples': sample}


def _pick(results: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: results[key] for key in keys if key in results}


def _fill(
    element: BaseDataElement, values: Mapping[str, Any], field_type: str = 'data'
) -> BaseDataElement:
    """Set fields without the deep copies and length checks that attributes cost."""
    for name, value in values.items():
        element.set_field(value, name, field_type=field_type)
    return element


def _to_channels(image: np.ndarray) -> torch.Tensor:
    """Turn an image (H, W, C) or (H, W) into (C, H, W); splitting beats transposing 7 times."""
    planes = np.empty((1 if image.ndim == 2 else image.shape[2], *image.shape[:2]), image.dtype)
    cv2.split(image, list(planes))
    return torch.from_numpy(planes)


def _to_tensor(value: np.ndarray | list[np.ndarray]) -> torch.Tensor | list[torch.Tensor]:
    if isinstance(value, list):
        return [_to_tensor(level) for level in value]
    return torch.from_numpy(np.ascontiguousarray(value))
