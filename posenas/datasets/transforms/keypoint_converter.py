"""From one skeleton's joints to another's."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from posenas.registry import TRANSFORMS

__all__ = ['KeypointConverter']


@TRANSFORMS.register_module()
class KeypointConverter(BaseTransform):
    """Rearrange keypoints; joints without a source are invisible.

    Changes ``keypoints`` (1, K, 2) and ``keypoints_visible`` (1, K) to ``num_keypoints`` joints.
    The flip indices are those of the combined dataset that the sample goes into.

    Args:
        num_keypoints: Number of joints afterwards.
        mapping: Pairs (source, target) of joint indices; a pair of sources gives their middle,
            visible where both are.
    """

    def __init__(
        self,
        num_keypoints: int,
        mapping: Sequence[tuple[int, int]] | Sequence[tuple[tuple[int, int], int]],
    ) -> None:
        sources, targets = zip(*mapping, strict=True)
        if not 0 <= min(targets) <= max(targets) < num_keypoints:
            raise ValueError(
                f'targets of mapping must lie in [0, {num_keypoints}), got {list(targets)}'
            )
        pairs = [source if isinstance(source, Sequence) else (source, source) for source in sources]
        self.num_keypoints = num_keypoints
        self.first, self.second = (list(side) for side in zip(*pairs, strict=True))
        self.targets = list(targets)

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        keypoints, visible = results['keypoints'], results['keypoints_visible']
        shape = (len(keypoints), self.num_keypoints)
        converted = np.zeros((*shape, 2), keypoints.dtype)
        converted_visible = np.zeros(shape, visible.dtype)
        middle = (keypoints[:, self.first] + keypoints[:, self.second]) * 0.5
        converted[:, self.targets] = middle
        converted_visible[:, self.targets] = np.minimum(
            visible[:, self.first], visible[:, self.second]
        )
        results['keypoints'], results['keypoints_visible'] = converted, converted_visible
        return results
