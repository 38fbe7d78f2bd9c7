"""Steps of a person detector: the whole photo as input, boxes as target."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

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
        image = results['img']
        height, width = image.shape[:2]
        scale = min(self.size[0] / width, self.size[1] / height)
        inner = (max(round(width * scale), 1), max(round(height * scale), 1))
        canvas = np.full((*self.size[::-1], 3), self.pad_value, np.uint8)
        shrinks = scale < 1
        canvas[: inner[1], : inner[0]] = cv2.resize(
            image, inner, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
        results['img'] = canvas
        results['warp_mat'] = np.array(
            [[inner[0] / width, 0.0, 0.0], [0.0, inner[1] / height, 0.0]]
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
