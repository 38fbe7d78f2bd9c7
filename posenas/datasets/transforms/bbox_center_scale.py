"""From a person's box to the crop."""

from mmcv.transforms import BaseTransform

from posenas.geometry import bbox_xyxy2cs
from posenas.registry import TRANSFORMS
from posenas.utils.checks import check_positive


@TRANSFORMS.register_module()
class GetBBoxCenterScale(BaseTransform):
    """Turn the box into centre and padded scale.

    Reads ``bbox`` (1, 4) corners; adds ``bbox_center`` (1, 2) and ``bbox_scale`` (1, 2), image
    pixels. A sample that has both gets its scale padded.

    Args:
        padding: Factor by which the crop exceeds the box.
    """

    def __init__(self, padding: float = 1.25) -> None:
        check_positive('padding', padding)
        self.padding = padding

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        if 'bbox_center' in results and 'bbox_scale' in results:
            results['bbox_scale'] = results['bbox_scale'] * self.padding
        else:
            center, scale = bbox_xyxy2cs(results['bbox'], self.padding)
            results['bbox_center'], results['bbox_scale'] = center, scale
        return results
