"""Heatmaps as records of bytes, all of one length: dense, or windows around their peaks."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]
Bytes = NDArray[np.uint8]

#: Height below which a second peak is noise.
_LEAST_PEAK = 0.1
#: Bytes of a row and column, and of a least and largest value.
_PLACE, _RANGE = 4, 4


class MapFormat(NamedTuple):
    """How the C heatmaps (H, W) of one sample become a record.

    Values are 8 bits between the least and the largest of each heatmap or window, which are halves:
    an error of 1/500 of that range. Where ``radius`` is given, a heatmap is two windows around its
    largest values, the second one outside the first and only if it is a peak, and 0 elsewhere.

    Attributes:
        shape: (C, H, W).
        radius: Reach of a window around its peak, cells; None stores whole heatmaps.
    """

    shape: tuple[int, int, int]
    radius: int | None = None

    @property
    def length(self) -> int:
        """Bytes of a record."""
        channels, height, width = self.shape
        if self.radius is None:
            return channels * (_RANGE + height * width)
        return channels * 2 * (_PLACE + _RANGE + (2 * self.radius + 1) ** 2)

    def encode(self, maps: Maps) -> Bytes:
        """Turn heatmaps (B, C, H, W) into records (B, length)."""
        count, channels = maps.shape[:2]
        flat = maps.reshape(count * channels, *maps.shape[2:])
        parts = _quantise(flat) if self.radius is None else self._encode_windows(flat)
        rows = [np.ascontiguousarray(part).reshape(count * channels, -1) for part in parts]
        return np.concatenate([row.view(np.uint8) for row in rows], axis=1).reshape(count, -1)

    def decode(self, records: Bytes) -> Maps:
        """Turn records (B, length) into heatmaps (B, C, H, W)."""
        channels, height, width = self.shape
        rows = np.ascontiguousarray(records).reshape(len(records) * channels, -1)
        if self.radius is None:
            maps = _restore(*_split(rows, height, width))
        else:
            maps = self._decode_windows(rows)
        return maps.reshape(len(records), channels, height, width)

    def _encode_windows(self, flat: Maps) -> tuple[NDArray, ...]:
        """Return places, ranges and values of the first and the second window of M heatmaps."""
        first = _find_peaks(flat)
        rest = self._paste(flat, first, None)
        second = _find_peaks(rest)
        has_second = rest.max(axis=(1, 2)) >= _LEAST_PEAK
        # An absent second window repeats the first.
        second = np.where(has_second[:, None], second, first)
        return (
            *(first, *_quantise(self._cut(flat, first))),
            *(second, *_quantise(self._cut(flat, second))),
        )

    def _decode_windows(self, rows: Bytes) -> Maps:
        side = 2 * self.radius + 1
        maps = np.zeros((len(rows), *self.shape[1:]), np.float32)
        half = rows.shape[1] // 2
        for part in (rows[:, half:], rows[:, :half]):  # the first window lies on top
            cells = np.ascontiguousarray(part[:, :_PLACE]).view(np.uint16).astype(np.int64)
            maps = self._paste(maps, cells, _restore(*_split(part[:, _PLACE:], side, side)))
        return maps

    def _cut(self, maps: Maps, cells: NDArray[np.integer]) -> Maps:
        """Return the windows (M, side, side) around ``cells`` (M, 2), 0 outside the heatmaps."""
        return self._pad(maps)[self._window(cells)]

    def _paste(self, maps: Maps, cells: NDArray[np.integer], windows: Maps | None) -> Maps:
        """Return heatmaps (M, H, W) with ``windows``, or zeros, around ``cells`` (M, 2)."""
        padded = self._pad(maps)
        padded[self._window(cells)] = 0 if windows is None else windows
        reach = self.radius
        return padded[:, reach : reach + maps.shape[1], reach : reach + maps.shape[2]]

    def _pad(self, maps: Maps) -> Maps:
        reach = (self.radius, self.radius)
        return np.pad(maps, ((0, 0), reach, reach))

    def _window(self, cells: NDArray[np.integer]) -> tuple[NDArray[np.int64], ...]:
        """Return indices into padded heatmaps of the windows around ``cells`` (M, 2), row first."""
        steps = np.arange(2 * self.radius + 1)
        rows, columns = cells.astype(np.int64).T
        return (
            np.arange(len(cells))[:, None, None],
            rows[:, None, None] + steps[:, None],
            columns[:, None, None] + steps,
        )


def _find_peaks(maps: Maps) -> NDArray[np.uint16]:
    """Return row and column (M, 2) of the largest value of each heatmap."""
    places = maps.reshape(len(maps), -1).argmax(axis=1)
    return np.stack(np.divmod(places, maps.shape[2]), axis=1).astype(np.uint16)


def _quantise(values: Maps) -> tuple[NDArray[np.float16], Bytes]:
    """Return least and largest value (M, 2) of each heatmap and 8 bits for each pixel (M, H, W)."""
    bounds = np.stack([values.min(axis=(1, 2)), values.max(axis=(1, 2))], axis=1)
    bounds = bounds.astype(np.float16)
    low, high = bounds.astype(np.float32).T[..., None, None]
    span = np.where(high > low, high - low, 1)
    return bounds, np.clip(np.rint((values - low) / span * 255), 0, 255).astype(np.uint8)


def _split(rows: Bytes, height: int, width: int) -> tuple[NDArray[np.float16], Bytes]:
    """Undo the concatenation of what :func:`_quantise` returns."""
    bounds = np.ascontiguousarray(rows[:, :_RANGE]).view(np.float16)
    return bounds, rows[:, _RANGE:].reshape(len(rows), height, width)


def _restore(bounds: NDArray[np.float16], codes: Bytes) -> Maps:
    low, high = bounds.astype(np.float32).T[..., None, None]
    return low + codes.astype(np.float32) * ((high - low) / 255)
