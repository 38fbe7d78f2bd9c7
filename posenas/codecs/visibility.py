"""How likely a keypoint is visible and not occluded, from the heatmap that found it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.utils.atomic_io import write_json
from posenas.utils.checks import check_shape
from posenas.utils.errors import ConfigError, DataError
from posenas.utils.value_types import describe_type, fits_type

Floats = NDArray[np.float64]

SCHEMA = 'pose-visibility/1'
#: What is read from each heatmap, see :func:`read_features`.
FEATURES = (
    'log of the peak',
    'peak',
    'log of the spread',
    'second peak',
    'mean log of all peaks',
    'distance to the border',
    'distance to the vertical middle line',
    'height in the crop',
)
#: Radius of the peak's surroundings, share of the longer side of the heatmap.
_REACH = 0.08
#: Peaks below it are all the same.
_LEAST = 1e-3


def read_features(heatmaps: ArrayLike) -> Floats:
    """Read what tells visible keypoints from occluded ones.

    Args:
        heatmaps: One per keypoint, (B, K, H, W).

    Returns:
        (B, K, F), the last axis in the order of :data:`FEATURES`: height and its logarithm;
        logarithm of the standard deviation around the peak, shares of the longer side; highest
        value elsewhere, share of the peak; and where the peak is, shares of the heatmap.

    Raises:
        ValueError: The shape differs from the above.
    """
    maps = np.nan_to_num(np.asarray(heatmaps, np.float64), posinf=0, neginf=0)
    check_shape('heatmaps', maps, (None, None, None, None))
    batch, count, height, width = maps.shape
    flat = maps.reshape(batch, count, -1)
    best = flat.argmax(axis=2)
    peak = np.maximum(np.take_along_axis(flat, best[..., None], axis=2)[..., 0], _LEAST)
    place = np.stack([best % width, best // width], axis=-1)  # (B, K, 2)
    columns = (np.arange(width) - place[..., :1]) ** 2  # (B, K, W)
    rows = (np.arange(height) - place[..., 1:]) ** 2
    square = columns[:, :, None, :] + rows[..., None]  # (B, K, H, W)
    longer = max(height, width)
    is_near = square <= max(2.0, _REACH * longer) ** 2
    near = np.clip(maps, 0, None) * is_near
    total = np.maximum(near.sum(axis=(2, 3)), _LEAST**2)
    spread = np.sqrt((near * square).sum(axis=(2, 3)) / total) / longer
    second = np.where(is_near, 0.0, maps).max(axis=(2, 3)).clip(0) / peak
    shares = (place + 0.5) / (width, height)
    log_peak = np.log(peak)
    return np.stack(
        [
            log_peak,
            peak,
            np.log(np.maximum(spread, 1e-3)),
            second,
            np.broadcast_to(log_peak.mean(axis=1, keepdims=True), log_peak.shape),
            np.minimum(shares, 1 - shares).min(axis=2),
            np.abs(shares[..., 0] - 0.5),
            shares[..., 1],
        ],
        axis=-1,
    )


@dataclass(frozen=True)
class VisibilityCalibrator:
    """A logistic model over the features, with terms for each of the K keypoints.

    The log-odds are the sum of the slopes times the standardised features, an intercept of the
    keypoint, and a slope of the keypoint times the first feature.

    Attributes:
        names: Keypoints, K.
        flip_test: Whether heatmaps are averaged with those of mirrored crops.
        means: Of the features (F,), before standardisation.
        deviations: Standard deviations (F,), likewise.
        slopes: Of all keypoints (F,).
        intercepts: Of each keypoint (K,).
        joint_slopes: Of each keypoint (K,).
        facts: What it was fitted on, and how well it does; for people.
    """

    names: tuple[str, ...]
    flip_test: bool
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]
    joint_slopes: tuple[float, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse numbers that do not belong together."""
        lengths = [len(part) for part in (self.means, self.deviations, self.slopes)]
        joints = [len(part) for part in (self.names, self.intercepts, self.joint_slopes)]
        if set(lengths) != {len(FEATURES)} or len(set(joints)) != 1 or not all(self.deviations):
            raise ValueError(
                f'means, deviations and slopes must be {len(FEATURES)} each, deviations other than '
                f'0, and terms one per keypoint, got {lengths} and {joints}'
            )

    def predict(self, heatmaps: ArrayLike) -> NDArray[np.float32]:
        """Return how likely each keypoint is visible, (B, K), from heatmaps (B, K, H, W).

        Raises:
            ValueError: There are other keypoints.
        """
        features = read_features(heatmaps)
        check_shape('heatmaps', features, (None, len(self.names), None))
        return self.predict_features(features, np.arange(len(self.names)))

    def predict_features(
        self, features: Floats, joints: NDArray[np.integer[Any]]
    ) -> NDArray[np.float32]:
        """Return the probabilities (...) for features (..., F) of keypoints with the indices."""
        scaled = (features - np.array(self.means)) / np.array(self.deviations)
        odds = scaled @ np.array(self.slopes) + np.array(self.intercepts)[joints]
        odds = odds + np.array(self.joint_slopes)[joints] * scaled[..., 0]
        chances: NDArray[np.float32] = (1 / (1 + np.exp(-odds))).astype(np.float32)
        return chances

    def check(self, names: Sequence[str], flip_test: bool, source: str) -> None:
        """Require it to belong to a network.

        Args:
            names: Keypoints of the network.
            flip_test: Whether its heatmaps are averaged with those of mirrored crops.
            source: Name of the file, for messages.

        Raises:
            ConfigError: It belongs to another one.
        """
        for what, own, other in (
            ('keypoints', self.names, tuple(names)),
            ('flip_test', self.flip_test, bool(flip_test)),
        ):
            if own != other:
                raise ConfigError(
                    f'{source} must be fitted to this network, got {what} {own} instead of '
                    f'{other}: fit it again by posenas visibility'
                )

    def save(self, path: str | Path) -> None:
        """Write a file, JSON."""
        write_json(path, dict(asdict(self), schema=SCHEMA, features=FEATURES), indent=1)

    @classmethod
    def load(cls, path: str | Path) -> 'VisibilityCalibrator':
        """Read what :meth:`save` wrote.

        Raises:
            DataError: It is another file.
        """
        try:
            found = json.loads(Path(path).read_bytes())
            if (found['schema'], tuple(found['features'])) != (SCHEMA, FEATURES):
                raise ValueError(f'schema {found["schema"]!r} with features {found["features"]}')
            wanted = get_type_hints(cls)
            values: dict[str, Any] = {each.name: found[each.name] for each in fields(cls)}
            wrong = [name for name, value in values.items() if not fits_type(value, wanted[name])]
            if wrong:
                raise ValueError(f'{wrong[0]} must be {describe_type(wanted[wrong[0]])}')
            plain: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in values.items()
            }
            return cls(**plain)
        except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise DataError(
                f'{path} must be a calibration of visibility, {SCHEMA}, got '
                f'{type(error).__name__}: {error}'
            ) from error
