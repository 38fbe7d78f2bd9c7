"""Steps of a person detector: the whole photo as input, boxes as target."""

from collections.abc import Sequence

from mmcv.transforms import BaseTransform

from posenas.geometry import letterbox_image
from posenas.registry import KEYPOINT_CODECS, TRANSFORMS
from posenas.utils.checks import check_positive


@TRANSFORMS.register_module()
class Letterbox(BaseTransform):
    """Fit the whole photo into the upper left of a canvas; the rest is grey.

    Changes ``img`` to (H, W, 3) of the canvas; adds ``warp_mat`` (2, 3) from photo to canvas.

    Args:
        size: Width and height of the canvas, pixels.
        pad_value: Grey level of the rest.
    """

    def __init__(self, size: Sequence[int], pad_value: int = 114) -> None:
        check_positive('size', min(size))
        self.size = (int(size[0]), int(size[1]))
        self.pad_value = pad_value

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        results['img'], results['warp_mat'] = letterbox_image(
            results['img'], self.size, self.pad_value
        )
        return results


@TRANSFORMS.register_module()
class GenerateBoxTarget(BaseTransform):
    """Encode the boxes of the canvas.

    Reads ``img`` (H, W, 3), ``bboxes`` (N, 4), corners in its pixels, and ``is_ignored`` (N,);
    adds ``heatmaps``, what the codec returns.

    Args:
        encoder: Config of the codec, :class:`posenas.codecs.CenterBox`.
    """

    def __init__(self, encoder: dict) -> None:
        self.codec = KEYPOINT_CODECS.build(encoder)

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        size = results['img'].shape[1::-1]
        results['heatmaps'] = self.codec.encode(results['bboxes'], results['is_ignored'], size)
        return results
