"""The contract of all codecs: keypoints of one crop to target heatmaps and back."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.codecs.flip import flip_heatmaps
from posenas.utils import check_shape
from posenas.utils.generations import check_generation


class KeypointCodec(ABC):
    """Keypoints in the pixels of a crop <-> heatmaps of one channel group per keypoint.

    A subclass draws targets and finds keypoints in units of heatmap pixels; shapes, sizes, weights
    and numbers that are not finite are settled here.

    Attributes:
        output_names: What networks make, one name for each array that :meth:`batch_decode` takes.
        input_size: Width and height of the crop, pixels.
        heatmap_size: Width and height of the heatmaps, heatmap pixels.
        generation: Whose numerics apply where published code bases differ: '1.x', '0.x', or
            'hrnet', which is '0.x' but for heatmaps without positive value.
        channels_per_keypoint: Heatmaps per keypoint, consecutive.
        stride: Crop pixels per heatmap pixel along x and y, (2,); the first heatmap pixel is the
            first pixel.

    Args:
        input_size: See the attribute.
        heatmap_size: See the attribute.
        generation: See the attribute.
        channels_per_keypoint: See the attribute.

    Raises:
        ValueError: A size is not a pair of positive whole numbers, or the generation is unknown.
    """

    output_names: tuple[str, ...] = ('heatmaps',)

    def __init__(
        self,
        input_size: Sequence[int],
        heatmap_size: Sequence[int],
        generation: str = '1.x',
        channels_per_keypoint: int = 1,
    ) -> None:
        check_generation(generation)
        self.input_size = check_size('input_size', input_size)
        self.heatmap_size = check_size('heatmap_size', heatmap_size)
        self.generation = generation
        self.channels_per_keypoint = channels_per_keypoint
        self.stride = np.divide(self.input_size, self.heatmap_size)

    def encode(
        self, keypoints: ArrayLike, keypoints_visible: ArrayLike | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Draw the target heatmaps of one person.

        Args:
            keypoints: (1, K, 2), pixels of the crop. One that is not finite counts as unlabelled.
            keypoints_visible: (1, K), labelled if at least 0.5; None: all are.

        Returns:
            ``heatmaps`` (K * channels_per_keypoint, H, W) and ``keypoint_weights`` (1, K): the
            visibility, but 0 for keypoints that the heatmaps cannot show.

        Raises:
            ValueError: Shapes differ from the above.
        """
        points = np.asarray(keypoints, dtype=np.float64)
        check_shape('keypoints', points, (1, None, 2))
        visible = np.ones(points.shape[:2]) if keypoints_visible is None else keypoints_visible
        weights = np.array(visible, dtype=np.float32)
        check_shape('keypoints_visible', weights, points.shape[:2])
        finite = np.isfinite(points[0]).all(axis=1) & np.isfinite(weights[0])
        labelled = finite & (weights[0] >= 0.5)
        pixels = np.where(labelled[:, None], points[0], 0) / self.stride
        heatmaps, drawn = self.draw_targets(pixels, labelled)
        weights[0, ~finite | (labelled & ~drawn)] = 0
        return dict(heatmaps=heatmaps, keypoint_weights=weights)

    def decode(self, heatmaps: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find the keypoints of one person.

        Args:
            heatmaps: (K * channels_per_keypoint, H, W).

        Returns:
            Keypoints (1, K, 2) in pixels of the crop and scores (1, K); see :meth:`batch_decode`.

        Raises:
            ValueError: The shape differs from the above.
        """
        return self.batch_decode(np.asarray(heatmaps)[None])

    def batch_decode(self, heatmaps: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find the keypoints of B people; the heatmaps are not changed.

        Args:
            heatmaps: (B, K * channels_per_keypoint, H, W).

        Returns:
            Keypoints (B, K, 2) in pixels of the crop and scores (B, K), the maximum of the heatmap.
            A heatmap without positive value gives (-1, -1), 'hrnet' (0, 0); so does one that holds
            a number which is not finite, with score 0.

        Raises:
            ValueError: The shape differs from the above.
        """
        maps = np.asarray(heatmaps, dtype=np.float32)
        width, height = self.heatmap_size
        check_shape('heatmaps', maps, (None, None, height, width))
        batch_size, channels = maps.shape[:2]
        if channels % self.channels_per_keypoint:
            raise ValueError(
                f'heatmaps must have {self.channels_per_keypoint} channels per keypoint, '
                f'got {channels} channels'
            )
        groups = maps.reshape(-1, self.channels_per_keypoint, height, width)
        pixels, scores = self.locate(_blank_broken(groups))
        if self.generation == 'hrnet':
            pixels = np.where((pixels == -1).all(axis=1, keepdims=True), 0, pixels)
        keypoints = (pixels * self.stride).astype(np.float32)
        return keypoints.reshape(batch_size, -1, 2), scores.reshape(batch_size, -1)

    @staticmethod
    def flip_back(
        outputs: Sequence[NDArray[np.float32]], flip_indices: Sequence[int], **options: Any
    ) -> tuple[NDArray[np.float32], ...]:
        """Undo the mirroring of what a network makes of mirrored crops.

        Args:
            outputs: Heatmaps, (B, K * channels_per_keypoint, H, W).
            flip_indices: For each keypoint the index of its mirror image (K,).
            **options: ``flip_mode`` and ``shift_heatmap`` of :func:`flip_heatmaps`.
        """
        return tuple(flip_heatmaps(maps, flip_indices, **options) for maps in outputs)

    @abstractmethod
    def draw_targets(
        self, pixels: NDArray[np.float64], labelled: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Draw the heatmaps of all keypoints.

        Args:
            pixels: (K, 2), real-valued and finite, heatmap pixels.
            labelled: (K,); the heatmap of any other keypoint stays zero.

        Returns:
            Heatmaps (K * channels_per_keypoint, H, W), and (K,) where the heatmaps show the
            keypoint.
        """

    @abstractmethod
    def locate(self, maps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Find one keypoint in each of M groups of finite heatmaps, without changing them.

        Args:
            maps: (M, channels_per_keypoint, H, W).

        Returns:
            Real-valued heatmap pixels (M, 2) and scores (M,).
        """


def check_kernel_size(name: str, size: int) -> None:
    """Require ``size`` to be an odd whole number greater than 0.

    Raises:
        ValueError: It is not.
    """
    if size != int(size) or size < 1 or size % 2 == 0:
        raise ValueError(f'{name} must be an odd whole number greater than 0, got {size}')


def check_size(name: str, size: Sequence[int]) -> tuple[int, int]:
    """Return ``size`` as a tuple.

    Raises:
        ValueError: It is no (width, height).
    """
    pair = tuple(size)
    if len(pair) != 2 or any(length != int(length) or length < 1 for length in pair):
        raise ValueError(f'{name} must be (width, height) in whole numbers > 0, got {pair}')
    return int(pair[0]), int(pair[1])


def _blank_broken(groups: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (M, C, H, W) with every group zeroed that holds a number which is not finite."""
    with np.errstate(invalid='ignore', over='ignore'):
        suspect = ~np.isfinite(groups.sum(axis=(1, 2, 3)))
    if not suspect.any():  # a finite sum has finite terms, and costs one pass
        return groups
    finite = np.isfinite(groups).all(axis=(1, 2, 3), keepdims=True)
    return np.where(finite, groups, np.float32(0))
