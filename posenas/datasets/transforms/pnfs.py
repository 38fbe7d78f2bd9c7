"""Box and crop as Pose Neural Fabrics Search makes them.

Source: Yang et al., Pose Neural Fabrics Search, 2019, and its published code.
"""

from collections.abc import Sequence

import numpy as np
from mmcv.image import imflip
from mmcv.transforms import BaseTransform

from posenas.datasets.transforms.random_bbox import clipped_normal
from posenas.datasets.transforms.topdown_affine import TopdownAffine
from posenas.geometry import bbox_xyxy2cs, flip_keypoints
from posenas.registry import TRANSFORMS
from posenas.utils.checks import check_positive, check_probability
from posenas.utils.errors import ConfigError

#: Pixels by which a box exceeds the annotated box and keypoints.
_MARGIN = 5


def enclose_keypoints(
    bbox: np.ndarray, keypoints: np.ndarray, image_size: tuple[int, int]
) -> np.ndarray:
    """Return the box, in whole pixels, around a box and keypoints and 5 pixels more.

    Args:
        bbox: Corners (4,), pixels.
        keypoints: Labelled keypoints (K, 2), pixels; at least one.
        image_size: Width and height of the image, which cuts the box, pixels.

    Returns:
        Corners (4,).
    """
    low = np.trunc(np.minimum(bbox[:2], keypoints.min(axis=0)) - _MARGIN)
    high = np.trunc(np.maximum(bbox[2:], keypoints.max(axis=0)) + _MARGIN)
    return np.concatenate([np.maximum(low, 0), np.minimum(high, image_size)]).astype(bbox.dtype)


def keypoints_inside(keypoints: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Tell which points (..., 2) lie inside an image of ``size`` (w, h), not at its border."""
    return ((keypoints > 0) & (keypoints + 1 < np.array(size))).all(axis=-1)


@TRANSFORMS.register_module()
class PNFSGetBox(BaseTransform):
    """Enclose box and keypoints, then turn the box into centre and padded scale.

    For COCO, in place of :class:`GetBBoxCenterScale`, which MPII keeps. A detected box, which
    has no labelled keypoints, is cut to whole pixels and enlarged by one.

    Changes ``bbox`` (1, 4) corners; reads ``img``, ``keypoints`` (1, K, 2) and
    ``keypoints_visible`` (1, K); adds ``bbox_center`` (1, 2) and ``bbox_scale`` (1, 2), image
    pixels.

    Args:
        padding: Factor by which the crop exceeds the box; the published ``margin``.
    """

    def __init__(self, padding: float = 1.25) -> None:
        check_positive('padding', padding)
        self.padding = padding

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        bbox = results['bbox'][0]
        labelled = results['keypoints'][0][results['keypoints_visible'][0] > 0]
        if len(labelled):
            height, width = results['img'].shape[:2]
            bbox = enclose_keypoints(bbox, labelled, (width, height))
        else:
            corner, size = np.trunc(bbox[:2]), np.trunc(bbox[2:] - bbox[:2]) + 1
            bbox = np.concatenate([corner, corner + size]).astype(bbox.dtype)
        results['bbox'] = bbox[None]
        results['bbox_center'], results['bbox_scale'] = bbox_xyxy2cs(results['bbox'], self.padding)
        return results


@TRANSFORMS.register_module()
class PNFSTopdownAffine(BaseTransform):
    """Warp the crop to the input's size; magnify, rotate and mirror the input about its centre.

    Without arguments but the size it is :class:`TopdownAffine`, whose keys it has. It adds
    ``transformed_keypoints_visible`` (1, K), 0 where a keypoint leaves the input or lies on its
    border, and ``flip``; mirroring also changes the order of ``keypoints``, ``keypoints_visible``
    and ``keypoints_level``, whose places in the image stay.

    Differs from :class:`RandomBBoxTransform` and :class:`RandomFlip`: the factor magnifies the
    input instead of enlarging the crop, and the input is mirrored instead of the image, which is
    one pixel off. Published: ``scale_factor=(0.7, 1.3), rotate_factor=90, flip_prob=0.5``.

    Args:
        input_size: Width and height of the input, pixels.
        scale_factor: Least and largest factor; drawn from a normal distribution that is clipped
            there, at one standard deviation. (1, 1): none.
        rotate_factor: Largest rotation, degrees; likewise, clipped at two standard deviations.
        rotate_prob: Probability of rotating.
        flip_prob: Probability of mirroring.
        legacy_truncation: Whether keypoints lose their fraction before they are mirrored, as the
            published code did to COCO's integers, but not to MPII's numbers.
    """

    def __init__(
        self,
        input_size: Sequence[int],
        scale_factor: tuple[float, float] = (1.0, 1.0),
        rotate_factor: float = 0.0,
        rotate_prob: float = 0.6,
        flip_prob: float = 0.0,
        legacy_truncation: bool = False,
    ) -> None:
        low, high = scale_factor
        if not 0 < low <= high:
            raise ConfigError(
                f'scale_factor must be (low, high) with 0 < low <= high, got {low, high}'
            )
        check_probability('rotate_prob', rotate_prob)
        check_probability('flip_prob', flip_prob)
        self.affine = TopdownAffine(input_size)
        self.scale_middle, self.scale_spread = (low + high) / 2, (high - low) / 2
        self.rotate_factor, self.rotate_prob = rotate_factor, rotate_prob
        self.flip_prob = flip_prob
        self.legacy_truncation = legacy_truncation

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        factor, rotation, flip = self._draw(results)
        results['bbox_scale'] = results['bbox_scale'] / np.float32(factor)
        results['bbox_rotation'] = np.array([rotation], np.float32)
        results = self.affine.transform(results)
        if 'keypoints' in results:
            points = results['transformed_keypoints']
            inside = keypoints_inside(points, results['input_size'])
            results['transformed_keypoints_visible'] = results['keypoints_visible'] * inside
            if self.legacy_truncation:
                results['transformed_keypoints'] = np.trunc(points)
        results['flip'] = flip
        return _mirror_input(results) if flip else results

    def _draw(self, results: dict) -> tuple[float, float, bool]:
        """Draw factor, rotation in degrees and whether to mirror."""
        factor, rotation, flip = self.scale_middle, 0.0, False
        if self.scale_spread > 0:
            factor += self.scale_spread * clipped_normal(results['rng'], 1)
        if self.rotate_factor > 0 and results['rng'].random() < self.rotate_prob:
            rotation = self.rotate_factor * clipped_normal(results['rng'], 2) / 2
        if self.flip_prob > 0:
            flip = bool(results['rng'].random() < self.flip_prob)
        return factor, rotation, flip


def _mirror_input(results: dict) -> dict:
    """Mirror the input and its keypoints."""
    joints, (width, _) = results['flip_indices'], results['input_size']
    results['img'] = imflip(results['img'])
    mirror = np.array([[-1, 0, width - 1], [0, 1, 0]])
    results['warp_mat'] = mirror[:, :2] @ results['warp_mat']
    results['warp_mat'][:, 2] += mirror[:, 2]
    for key in ('keypoints', 'keypoints_visible', 'keypoints_level', 'label_scores'):
        if key in results:
            results[key] = results[key][:, joints]
    if 'transformed_keypoints' in results:
        results['transformed_keypoints'] = flip_keypoints(
            results['transformed_keypoints'], width, joints
        )
        visible = results['transformed_keypoints_visible']
        results['transformed_keypoints_visible'] = visible[:, joints]
    return results
