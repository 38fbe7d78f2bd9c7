"""From the sample dict to the network's input."""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData, PixelData

from posenas.registry import TRANSFORMS
from posenas.structures import PoseDataSample

__all__ = ['PackPoseInputs']

#: Key of the sample -> field of ``gt_instances``.
_INSTANCE_FIELDS = {
    'bbox': 'bboxes',
    'bbox_score': 'bbox_scores',
    'bbox_scale': 'bbox_scales',
    'keypoints': 'keypoints',
    'keypoints_visible': 'keypoints_visible',
}
_META_KEYS = (
    *('id', 'img_id', 'img_path', 'category_id', 'crowd_index', 'ori_shape', 'img_shape'),
    *('input_size', 'input_center', 'input_scale', 'flip', 'flip_direction', 'flip_indices'),
    *('raw_ann_info', 'dataset_name'),
)


@TRANSFORMS.register_module()
class PackPoseInputs(BaseTransform):
    """Pack ``inputs`` (3, H, W) uint8 and ``data_samples``, a :class:`PoseDataSample`.

    Reads ``img`` (H, W, 3); into ``gt_instances`` go box, score, scale and keypoints, into
    ``gt_instance_labels`` ``keypoint_weights``, into ``gt_fields`` ``heatmaps``, as far as they
    are present.

    Args:
        meta_keys: Keys that become metainfo of the sample, where present; ``bad_sample`` always
            does.
        pack_transformed: Whether ``gt_instances`` also gets ``transformed_keypoints``.
    """

    def __init__(
        self, meta_keys: Sequence[str] = _META_KEYS, pack_transformed: bool = False
    ) -> None:
        self.meta_keys = (*meta_keys, 'bad_sample')
        self.instance_fields = dict(_INSTANCE_FIELDS)
        if pack_transformed:
            self.instance_fields['transformed_keypoints'] = 'transformed_keypoints'

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        meta = {key: results[key] for key in self.meta_keys if key in results}
        sample = PoseDataSample(metainfo=meta)
        sample.gt_instances = InstanceData(
            **{field: results[key] for key, field in self.instance_fields.items() if key in results}
        )
        if 'keypoint_weights' in results:
            weights = _to_tensor(results['keypoint_weights'])
            sample.gt_instance_labels = InstanceData(keypoint_weights=weights)
        if 'heatmaps' in results:
            sample.gt_fields = PixelData(heatmaps=_to_tensor(results['heatmaps']))
        image = results['img']
        if image.ndim == 2:
            image = image[:, :, None]
        inputs = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))  # (C, H, W)
        return {'inputs': inputs, 'data_samples': sample}


def _to_tensor(value: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(value))
