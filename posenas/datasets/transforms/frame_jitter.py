"""Random shift of the crop of each frame of a clip."""

import numpy as np
from mmcv.transforms import BaseTransform

from posenas.registry import TRANSFORMS
from posenas.utils.checks import check_probability


@TRANSFORMS.register_module()
class FrameJitter(BaseTransform):
    """Move the crops of a clip against each other, as boxes of a detector do.

    Changes ``bbox_center`` (1, 2), image pixels; reads ``bbox_scale`` (1, 2) and ``frame_rng``, the
    generator of the frame. Samples that are no frames of a clip stay as they are.

    Args:
        factor: Largest move along x and y, as a fraction of the scale.
    """

    def __init__(self, factor: float = 0.02) -> None:
        check_probability('factor', factor)
        self.factor = factor

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        rng = results.get('frame_rng')
        if rng is not None:
            offset = rng.uniform(-self.factor, self.factor, (1, 2)).astype(np.float32)
            results['bbox_center'] = results['bbox_center'] + offset * results['bbox_scale']
        return results
