"""The crop: warp image and keypoints to the network's input."""

from collections.abc import Sequence

from mmcv.transforms import BaseTransform

from posenas.geometry import (
    fix_aspect_ratio,
    get_udp_warp_matrix,
    get_warp_matrix,
    warp_image,
    warp_points,
)
from posenas.registry import TRANSFORMS
from posenas.utils.checks import check_positive


@TRANSFORMS.register_module()
class TopdownAffine(BaseTransform):
    """Warp the crop to the input's size, after enlarging it to the input's aspect ratio.

    Changes ``img`` to (H, W, 3) of the input and ``bbox_scale`` (1, 2), image pixels; reads
    ``bbox_center`` (1, 2), ``bbox_rotation`` (1,) degrees and ``keypoints`` (1, K, 2), the last
    two if present; adds ``warp_mat`` (2, 3) from image to input, ``transformed_keypoints``
    (1, K, 2) in input pixels, ``input_size`` (w, h), ``input_center`` (2,) and ``input_scale``
    (2,) in image pixels.

    Args:
        input_size: Width and height of the input, pixels.
        use_udp: Whether pixel centres at the borders of crop and input coincide.
    """

    def __init__(self, input_size: Sequence[int], use_udp: bool = False) -> None:
        width, height = input_size
        check_positive('input_size', min(width, height))
        self.input_size = (int(width), int(height))
        self.use_udp = use_udp

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        width, height = self.input_size
        scale = fix_aspect_ratio(results['bbox_scale'], width / height)
        center = results['bbox_center']
        rotation = float(results['bbox_rotation'][0]) if 'bbox_rotation' in results else 0.0
        get_matrix = get_udp_warp_matrix if self.use_udp else get_warp_matrix
        warp_mat = get_matrix(center[0], scale[0], rotation, self.input_size)
        results['img'] = warp_image(results['img'], warp_mat, self.input_size)
        if 'keypoints' in results:
            results['transformed_keypoints'] = warp_points(results['keypoints'], warp_mat)
        results['bbox_scale'] = scale
        results['warp_mat'] = warp_mat
        results['input_size'] = self.input_size
        results['input_center'], results['input_scale'] = center[0], scale[0]
        return results
