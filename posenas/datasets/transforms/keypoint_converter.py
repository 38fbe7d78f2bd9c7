"""From one skeleton's keypoints to another's."""

from collections.abc import Sequence

from mmcv.transforms import BaseTransform

from posenas.geometry import convert_keypoints
from posenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class KeypointConverter(BaseTransform):
    """Rearrange keypoints; keypoints without a source are invisible.

    Changes ``keypoints`` (1, K, 2), ``keypoints_visible`` and, where present, ``keypoints_level``
    and ``label_scores`` (1, K) to ``num_keypoints`` keypoints.
    The flip indices are those of the combined dataset that the sample goes into.

    Args:
        num_keypoints: Number of keypoints afterwards.
        mapping: Pairs (source, target) of keypoint indices; a pair of sources gives their middle,
            visible where both are.
    """

    def __init__(
        self,
        num_keypoints: int,
        mapping: Sequence[tuple[int | tuple[int, int], int]],
    ) -> None:
        targets = [target for _, target in mapping]
        if not targets or not 0 <= min(targets) <= max(targets) < num_keypoints:
            raise ValueError(
                f'targets of mapping must lie in [0, {num_keypoints}), got {list(targets)}'
            )
        self.num_keypoints, self.mapping = num_keypoints, list(mapping)

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        keypoints = results['keypoints']
        for key in ('keypoints_visible', 'keypoints_level', 'label_scores'):
            if key in results:
                results['keypoints'], results[key] = convert_keypoints(
                    keypoints, results[key], self.num_keypoints, self.mapping
                )
        return results
