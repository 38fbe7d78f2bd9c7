"""Target heatmaps and smoothing: everything here is a product of one factor per axis.

A Gaussian is exp(-dx^2 / 2 s^2) times exp(-dy^2 / 2 s^2), so K heatmaps of H x W heatmap pixels
need K (H + W) exponentials and one outer product; a blur is one matrix product per axis.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32] | NDArray[np.float64]
Border = Literal['zero', 'reflect']


def window_around(
    centers: NDArray[np.float64], sigma: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First pixel and end (exclusive), each (K, 2), of the 3-sigma window of centres (K, 2)."""
    return np.trunc(centers - 3 * sigma), np.trunc(centers + 3 * sigma + 1)


def overlaps_map(
    start: NDArray[np.float64], end: NDArray[np.float64], heatmap_size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Tell which windows, ``start`` and ``end`` (K, 2), reach into the heatmap of (width, height).

    An end of exactly 0, where the window ends before the first heatmap pixel, counts as inside:
    published weights were trained so.
    """
    return np.asarray(((start < np.array(heatmap_size)) & (end >= 0)).all(axis=1))


def draw_gaussians(
    centers: NDArray[np.float64],
    heatmap_size: tuple[int, int],
    sigma: float,
    window: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> NDArray[np.float32]:
    """Draw a Gaussian of height 1 per centre.

    Args:
        centers: (K, 2) real-valued heatmap pixels.
        heatmap_size: Width and height, heatmap pixels.
        sigma: Standard deviation, heatmap pixels.
        window: First heatmap pixel and end of each window, both (K, 2); zero outside. None: no
            window.

    Returns:
        Heatmaps (K, H, W).
    """
    profiles = []
    for axis, length in enumerate(heatmap_size):
        pixels = np.arange(length)
        profile = np.exp(-((pixels - centers[:, axis, None]) ** 2) / (2 * sigma**2))
        if window is not None:
            start, end = window[0][:, axis, None], window[1][:, axis, None]
            profile *= (pixels >= start) & (pixels < end)
        profiles.append(profile)
    return _outer(profiles[0], profiles[1])


def draw_disc_offsets(
    centers: NDArray[np.float64], heatmap_size: tuple[int, int], radius: float, inside_only: bool
) -> NDArray[np.float32]:
    """Draw the three heatmaps of the combined target: class, x offset, y offset.

    Args:
        centers: (K, 2) real-valued heatmap pixels.
        heatmap_size: Width and height, heatmap pixels.
        radius: Radius of the disc of class 1, heatmap pixels; also the unit of the offsets.
        inside_only: Whether offsets are 0 outside the disc.

    Returns:
        Heatmaps (K, 3, H, W); the offset of a heatmap pixel points from the heatmap pixel to the
        centre.
    """
    width, height = heatmap_size
    maps = np.empty((len(centers), 3, height, width), dtype=np.float32)
    maps[:, 1] = (centers[:, 0, None, None] - np.arange(width)) / radius
    maps[:, 2] = (centers[:, 1, None, None] - np.arange(height)[:, None]) / radius
    maps[:, 0] = maps[:, 1] ** 2 + maps[:, 2] ** 2 <= 1
    if inside_only:
        maps[:, 1:] *= maps[:, :1]
    return maps


def draw_impulses(
    pixels: NDArray[np.int64], heatmap_size: tuple[int, int], kernel_size: int, peak: float
) -> NDArray[np.float32]:
    """Blur one impulse per heatmap and scale the heatmap to ``peak`` at the impulse.

    Args:
        pixels: (K, 2) whole heatmap pixels inside the heatmap.
        heatmap_size: Width and height, heatmap pixels.
        kernel_size: Odd width of the blur, heatmap pixels; the heatmap is mirrored at its border,
            so that a heatmap pixel between impulse and border may exceed ``peak``.
        peak: Value at the impulse.

    Returns:
        Heatmaps (K, H, W).
    """
    profiles = []
    for axis, length in enumerate(heatmap_size):
        matrix = blur_matrix(length, kernel_size, 'reflect')
        centers = pixels[:, axis]
        profiles.append(matrix[:, centers].T / matrix[centers, centers][:, None])
    return _outer(profiles[0] * np.float32(peak), profiles[1])


def draw_spread_impulses(
    pixels: NDArray[np.int64], heatmap_size: tuple[int, int], sigma: float
) -> NDArray[np.float32]:
    """Filter one impulse per heatmap by a Gaussian and scale each heatmap to a maximum of 1.

    The filter ends at radius int(4 sigma + 0.5) and repeats the border outside the heatmap, as
    ``scipy.ndimage.gaussian_filter(impulse, sigma, mode='nearest')`` does.

    Args:
        pixels: (K, 2) whole heatmap pixels inside the heatmap.
        heatmap_size: Width and height, heatmap pixels.
        sigma: Standard deviation of the filter, heatmap pixels.

    Returns:
        Heatmaps (K, H, W).
    """
    radius = int(4 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    taps = np.exp(-0.5 * (offsets / sigma) ** 2)
    profiles = []
    for axis, length in enumerate(heatmap_size):
        matrix = np.zeros((length, length))
        rows = np.repeat(np.arange(length), len(offsets))
        sources = np.clip(np.add.outer(np.arange(length), offsets), 0, length - 1).ravel()
        np.add.at(matrix, (rows, sources), np.tile(taps, length))
        profile = matrix[:, pixels[:, axis]].T  # (K, length)
        profiles.append(profile / profile.max(axis=1, keepdims=True))
    return _outer(profiles[0], profiles[1])


def blur_maps(maps: NDArray[np.float32], kernel_size: int, border: Border) -> NDArray[np.float32]:
    """Smooth heatmaps (..., H, W) by OpenCV's Gaussian of ``kernel_size``: :func:`blur_matrix`.

    Returns:
        New heatmaps (..., H, W).
    """
    height, width = maps.shape[-2:]
    rows = blur_matrix(height, kernel_size, border)
    columns = blur_matrix(width, kernel_size, border)
    flat = maps.reshape(-1, width) @ columns.T
    blurred: NDArray[np.float32] = rows @ flat.reshape(maps.shape)
    return blurred


def blur_matrix(length: int, kernel_size: int, border: Border) -> NDArray[np.float32]:
    """Write a one-dimensional Gaussian blur as a matrix.

    Args:
        length: Number of heatmap pixels.
        kernel_size: Odd number of taps; the standard deviation follows from it as in OpenCV,
            2.0 for 11.
        border: 'zero' or 'reflect' (mirrored about the outermost heatmap pixel): what lies outside.

    Returns:
        (length, length), to be multiplied with a column of heatmap pixels.
    """
    taps = cv2.getGaussianKernel(kernel_size, 0, cv2.CV_32F).ravel()
    radius = kernel_size // 2
    matrix = np.zeros((length, length), dtype=np.float32)
    for offset, tap in zip(range(-radius, radius + 1), taps, strict=True):
        rows = np.arange(length)
        sources = rows + offset
        if border == 'zero':
            rows = rows[(sources >= 0) & (sources < length)]
            sources = rows + offset
        else:
            sources = _reflect(sources, length)
        matrix[rows, sources] += tap
    return matrix


def _reflect(indices: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Mirror indices at the outermost heatmap pixels: -1 is 1, ``length`` is ``length - 2``."""
    if length == 1:
        return np.zeros_like(indices)
    period = 2 * length - 2
    folded = indices % period
    return np.where(folded < length, folded, period - folded)


def _outer(profile_x: Float, profile_y: Float) -> NDArray[np.float32]:
    """Multiply factors (K, W) and (K, H) to heatmaps (K, H, W)."""
    columns = profile_y.astype(np.float32)[:, :, None]
    maps: NDArray[np.float32] = columns * profile_x.astype(np.float32)[:, None, :]
    return maps
