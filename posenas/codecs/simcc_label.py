"""One vector of bins for each axis of a keypoint, finer than pixels."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.codecs.base import check_size
from posenas.codecs.refine import blur_keeping_maxima
from posenas.utils import check_choice, check_positive, check_shape

Floats = NDArray[np.float32]
#: Vectors of one axis, (B, K, bins): an array of NumPy or a tensor.
Axis = TypeVar('Axis')


class SimCCLabel:
    """Keypoints in the pixels of a crop <-> a classification of x and one of y.

    Li et al., SimCC: A Simple Coordinate Classification Perspective for Human Pose Estimation, ECCV
    2022, section 3, with the Gaussian labels of Jiang et al., RTMPose, arXiv 2303.07399, section
    3.3, and the numerics of MMPose 1.x, on which published weights depend.

    Args:
        input_size: Width and height of the crop, pixels.
        smoothing_type: 'gaussian' draws a Gaussian over the bins, 'standard' marks one bin.
        sigma: Standard deviation of the Gaussian, bins; one for both axes or one for x and y.
        simcc_split_ratio: Bins per pixel.
        label_smooth_weight: What 'standard' takes from its bin and spreads over the others.
        normalize: Whether the Gaussian is divided by its integral.
        use_dark: Whether maxima are refined by a parabola through the logarithm of the blurred
            bins.
        decode_visibility: Whether :meth:`decode` returns how peaked the vectors are, too.
        decode_beta: Factor of the vectors before the softmax that this is read from.

    Attributes:
        output_names: What networks make, one name for each array that :meth:`decode` takes.
        input_size: See the argument.
        num_bins: Bins of x and of y.
        stride: Crop pixels per bin along x and y, (2,).
        channels_per_keypoint: Always 1, as of codecs with one heatmap per keypoint.

    Raises:
        ValueError: A size, a ratio or a standard deviation is not positive, the smoothing is
            unknown, or ``label_smooth_weight`` does not fit it.
    """

    output_names: tuple[str, ...] = ('simcc_x', 'simcc_y')

    def __init__(
        self,
        input_size: Sequence[int],
        smoothing_type: str = 'gaussian',
        sigma: float | Sequence[float] = 6.0,
        simcc_split_ratio: float = 2.0,
        label_smooth_weight: float = 0.0,
        normalize: bool = True,
        use_dark: bool = False,
        decode_visibility: bool = False,
        decode_beta: float = 150.0,
    ) -> None:
        self.input_size = check_size('input_size', input_size)
        check_choice('smoothing_type', smoothing_type, ('gaussian', 'standard'))
        check_positive('simcc_split_ratio', simcc_split_ratio)
        largest = 0.0 if smoothing_type == 'gaussian' else 1.0
        if not 0 <= label_smooth_weight <= largest:
            raise ValueError(
                f'label_smooth_weight must lie in [0, {largest:g}] for smoothing_type='
                f"'{smoothing_type}', got {label_smooth_weight}: only 'standard' is smoothed"
            )
        pair = tuple(sigma) if isinstance(sigma, Sequence) else (sigma, sigma)
        if len(pair) != 2 or not min(pair) > 0:
            raise ValueError(f'sigma must be one number > 0 or one for x and y, got {sigma}')
        self.sigma = np.array(pair, np.float64)
        self.smoothing_type, self.label_smooth_weight = smoothing_type, label_smooth_weight
        self.simcc_split_ratio, self.normalize = float(simcc_split_ratio), normalize
        self.use_dark = use_dark
        self.decode_visibility, self.decode_beta = decode_visibility, decode_beta
        width, height = (round(side * self.simcc_split_ratio) for side in self.input_size)
        self.num_bins = (width, height)
        self.stride = np.full(2, 1 / self.simcc_split_ratio)
        self.channels_per_keypoint = 1

    def encode(
        self, keypoints: ArrayLike, keypoints_visible: ArrayLike | None = None
    ) -> dict[str, Floats]:
        """Draw the target vectors of N people.

        Args:
            keypoints: (N, K, 2), pixels of the crop. One that is not finite counts as unlabelled.
            keypoints_visible: (N, K), labelled if at least 0.5; None: all are.

        Returns:
            ``keypoint_x_labels`` (N, K, bins of x), ``keypoint_y_labels`` (N, K, bins of y) and
            ``keypoint_weights`` (N, K): the visibility, but 0 for keypoints that the vectors cannot
            show.

        Raises:
            ValueError: Shapes differ from the above.
        """
        points = np.asarray(keypoints, dtype=np.float64)
        check_shape('keypoints', points, (None, None, 2))
        visible = np.ones(points.shape[:2]) if keypoints_visible is None else keypoints_visible
        weights = np.array(visible, dtype=np.float32)
        check_shape('keypoints_visible', weights, points.shape[:2])
        finite = np.isfinite(points).all(axis=2) & np.isfinite(weights)
        labelled = finite & (weights >= 0.5)
        centers = np.rint(np.where(labelled[..., None], points, 0) * self.simcc_split_ratio)
        reach = 3 * self.sigma if self.smoothing_type == 'gaussian' else 0.0
        after = reach + 1 if self.smoothing_type == 'gaussian' else 0.0
        fits = (centers - reach < self.num_bins) & (centers + after >= 0)
        drawn = labelled & fits.all(axis=2)
        weights[~finite | (labelled & ~drawn)] = 0
        labels = [self._draw(centers[..., axis], axis) * drawn[..., None] for axis in (0, 1)]
        return dict(
            keypoint_x_labels=labels[0], keypoint_y_labels=labels[1], keypoint_weights=weights
        )

    def _draw(self, centers: NDArray[np.float64], axis: int) -> Floats:
        """Draw the labels (N, K, bins) of whole-numbered bins ``centers`` (N, K)."""
        bins = np.arange(self.num_bins[axis])
        offsets = bins - centers[..., None]
        label: NDArray[np.float64]
        if self.smoothing_type == 'standard':
            rest = self.label_smooth_weight / (len(bins) - 1)
            label = np.where(offsets == 0, 1 - self.label_smooth_weight, rest)
        else:
            sigma = float(self.sigma[axis])
            label = np.exp(-(offsets**2) / (2 * sigma**2))
            if self.normalize:
                label /= sigma * np.sqrt(2 * np.pi)
        return label.astype(np.float32)

    def decode(
        self, simcc_x: ArrayLike, simcc_y: ArrayLike
    ) -> tuple[Floats, Floats | tuple[Floats, Floats]]:
        """Find the keypoints of N people; the vectors are not changed.

        Args:
            simcc_x: (N, K, bins of x), or (K, bins of x) of one person.
            simcc_y: (N, K, bins of y), or (K, bins of y).

        Returns:
            Keypoints (N, K, 2) in pixels of the crop and scores (N, K), the smaller of the maxima
            of both axes; a pair of scores and visibilities (N, K) with ``decode_visibility``. Where
            the score is not positive, the keypoint is one bin left of and above the first; so is
            one whose vectors hold a number that is not finite, with score 0.

        Raises:
            ValueError: Shapes differ from the above.
        """
        vectors = self._read_vectors(simcc_x, simcc_y)
        keypoints, scores = self._locate(vectors)
        if not self.decode_visibility:
            return keypoints, scores
        beta = np.float32(self.decode_beta)
        peaks = (
            _find_peak(v * beta * np.float32(s)) for v, s in zip(vectors, self.sigma, strict=True)
        )
        return keypoints, (scores, np.minimum(*peaks))

    def batch_decode(self, simcc_x: ArrayLike, simcc_y: ArrayLike) -> tuple[Floats, Floats]:
        """Find keypoints and scores as :meth:`decode` does, without visibilities."""
        return self._locate(self._read_vectors(simcc_x, simcc_y))

    @staticmethod
    def flip_back(
        outputs: Sequence[Axis], flip_indices: Sequence[int], **options: object
    ) -> tuple[Axis, ...]:
        """Undo the mirroring of what a network makes of mirrored crops.

        As published, without a shift: mirroring a crop takes x to width - 1 - x, reversing bins to
        width - 1 / split - x.

        Args:
            outputs: Vectors of x and of y, (B, K, bins) each; of NumPy or of PyTorch.
            flip_indices: For each keypoint the index of its mirror image, (K,).
            **options: Those of heatmaps; vectors have none.
        """
        x, y = (cast(Any, axis)[:, list(flip_indices)] for axis in outputs)
        return x[..., list(range(x.shape[2]))[::-1]], y

    def _read_vectors(self, simcc_x: ArrayLike, simcc_y: ArrayLike) -> list[Floats]:
        """Return both axes as (N, K, bins), 0 in those that hold a number which is not finite."""
        vectors = [np.asarray(axis, dtype=np.float32) for axis in (simcc_x, simcc_y)]
        vectors = [axis[None] if axis.ndim == 2 else axis for axis in vectors]
        check_shape('simcc_x', vectors[0], (None, None, self.num_bins[0]))
        check_shape('simcc_y', vectors[1], (*vectors[0].shape[:2], self.num_bins[1]))
        finite = _find_finite(vectors[0]) & _find_finite(vectors[1])
        if not finite.all():
            vectors = [np.where(finite[..., None], axis, np.float32(0)) for axis in vectors]
        return vectors

    def _locate(self, vectors: list[Floats]) -> tuple[Floats, Floats]:
        """Find keypoints (N, K, 2) in pixels of the crop and scores (N, K)."""
        scores = np.minimum(*(axis.max(axis=2) for axis in vectors))
        found = np.stack([axis.argmax(axis=2) for axis in vectors], axis=2)  # (N, K, 2)
        points = found.astype(np.float64)
        if self.use_dark:
            points -= np.stack([self._offsets(*pair) for pair in enumerate(vectors)], axis=2)
        points[scores <= 0] = -1
        return (points / self.simcc_split_ratio).astype(np.float32), scores

    def _offsets(self, axis: int, vectors: Floats) -> NDArray[np.float64]:
        """Return how far the tops of parabolas lie before the maxima of ``vectors``."""
        kernel = max(1, int((20 * self.sigma[axis] - 7) // 3))
        kernel -= 1 - kernel % 2
        rows = vectors.reshape(-1, 1, vectors.shape[2])
        smooth = blur_keeping_maxima(rows, kernel)[:, 0].astype(np.float64)
        logs = np.pad(np.log(np.clip(smooth, 1e-3, 50)), ((0, 0), (2, 2)), mode='edge')
        columns = rows[:, 0].argmax(axis=1)[:, None] + np.arange(5)
        far_left, left, center, right, far_right = np.take_along_axis(logs, columns, axis=1).T
        slope = (right - left) / 2
        curvature = 1e-9 + (far_right - 2 * center + far_left) / 4
        offsets: NDArray[np.float64] = (slope / curvature).reshape(vectors.shape[:2])
        return offsets


def _find_finite(vectors: Floats) -> NDArray[np.bool_]:
    """Tell which of the vectors (N, K, bins) hold finite numbers only, (N, K)."""
    finite = np.isfinite(vectors).all(axis=2)
    return np.asarray(finite)


def _find_peak(logits: Floats) -> Floats:
    """Return the largest value (N, K) of the softmax of ``logits`` (N, K, bins)."""
    peak: Floats = 1 / np.exp(logits - logits.max(axis=2, keepdims=True)).sum(axis=2)
    return peak
