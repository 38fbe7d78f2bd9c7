"""Coordinates themselves, as shares of the crop."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.codecs.base import check_size
from posenas.utils import check_shape

Floats = NDArray[np.float32]
#: Outputs of a network, (B, K, D): an array of NumPy or a tensor.
Outputs = TypeVar('Outputs')


class RegressionLabel:
    """Keypoints in the pixels of a crop <-> x and y divided by its width and height.

    Toshev and Szegedy, DeepPose: Human Pose Estimation via Deep Neural Networks, CVPR 2014, section
    3.1, with the numerics of MMPose 1.x.

    Args:
        input_size: Width and height of the crop, pixels.

    Attributes:
        output_names: What networks make, one name for each array that :meth:`decode` takes.
        input_size: See the argument.
        channels_per_keypoint: Always 1, as of codecs with one heatmap per keypoint.

    Raises:
        ValueError: The size is no pair of positive whole numbers.
    """

    output_names: tuple[str, ...] = ('coordinates',)

    def __init__(self, input_size: Sequence[int]) -> None:
        self.input_size = check_size('input_size', input_size)
        self.channels_per_keypoint = 1

    def encode(
        self, keypoints: ArrayLike, keypoints_visible: ArrayLike | None = None
    ) -> dict[str, Floats]:
        """Divide the keypoints of N people by the size of the crop.

        Args:
            keypoints: (N, K, 2), pixels of the crop. One that is not finite counts as unlabelled.
            keypoints_visible: (N, K), labelled if above 0.5; None: all are.

        Returns:
            ``keypoint_labels`` (N, K, 2), and ``keypoint_weights`` (N, K), 1 for labelled keypoints
            inside the crop.

        Raises:
            ValueError: Shapes differ from the above.
        """
        points = np.asarray(keypoints, dtype=np.float64)
        check_shape('keypoints', points, (None, None, 2))
        visible = np.ones(points.shape[:2]) if keypoints_visible is None else keypoints_visible
        weights = np.asarray(visible, dtype=np.float32)
        check_shape('keypoints_visible', weights, points.shape[:2])
        finite = np.asarray(np.isfinite(points).all(axis=2))
        labels = np.where(finite[..., None], points, 0) / self.input_size
        inside = ((labels >= 0) & (labels <= 1)).all(axis=2)
        counts = finite & inside & (weights > 0.5)
        return dict(
            keypoint_labels=labels.astype(np.float32), keypoint_weights=counts.astype(np.float32)
        )

    def decode(self, coordinates: ArrayLike) -> tuple[Floats, Floats]:
        """Multiply coordinates of N people by the size of the crop.

        Args:
            coordinates: (N, K, 2), or (N, K, 4) with a deviation in [0, 1] of each; or of one
                person, without N.

        Returns:
            Keypoints (N, K, 2) in pixels of the crop, and scores (N, K): 1, or 1 less the mean
            deviation. A keypoint that is not finite is (0, 0) with score 0.

        Raises:
            ValueError: The shape differs from the above.
        """
        values = np.asarray(coordinates, dtype=np.float32)
        values = values[None] if values.ndim == 2 else values
        if values.ndim != 3 or values.shape[2] not in (2, 4):
            raise ValueError(f'coordinates must have shape (*, *, 2 or 4), got {values.shape}')
        finite = np.asarray(np.isfinite(values).all(axis=2, keepdims=True))
        values = np.where(finite, values, np.float32(0))
        keypoints = values[..., :2] * np.asarray(self.input_size, np.float32)
        scores = np.ones(values.shape[:2], np.float32)
        if values.shape[2] == 4:
            scores = 1 - values[..., 2:].mean(axis=2)
        return keypoints, np.where(finite[..., 0], scores, np.float32(0))

    def batch_decode(self, coordinates: ArrayLike) -> tuple[Floats, Floats]:
        """Find the keypoints of B people; see :meth:`decode`."""
        return self.decode(coordinates)

    def flip_back(
        self,
        outputs: Sequence[Outputs],
        flip_indices: Sequence[int],
        shift_coords: bool = True,
        **options: object,
    ) -> tuple[Outputs, ...]:
        """Undo the mirroring of what a network makes of mirrored crops.

        Args:
            outputs: Coordinates (B, K, 2 or 4); of NumPy or of PyTorch. They are changed.
            flip_indices: For each keypoint the index of its mirror image, (K,).
            shift_coords: Whether keypoints move by one pixel to the left: mirroring a crop takes x
                to width - 1 - x.
            **options: Those of heatmaps; coordinates have none.
        """
        (coordinates,) = outputs
        flipped = cast(Any, coordinates)[:, list(flip_indices)]
        last = 1 - (1 / self.input_size[0] if shift_coords else 0)
        flipped[..., 0] = last - flipped[..., 0]
        return (flipped,)
