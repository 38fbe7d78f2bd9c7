"""From heatmaps to real-valued heatmap pixels: maxima, and offsets of less than a heatmap pixel.

All functions take M heatmaps at once. Pixels are (M, 2), x before y; a heatmap pixel of -1 stays as
it is.
"""

import numpy as np
from numpy.typing import NDArray

from posenas.codecs.gaussian import blur_maps

Pixels = NDArray[np.int64]


def find_maxima(maps: NDArray[np.float32]) -> tuple[Pixels, NDArray[np.float32]]:
    """Find the first maximum of each heatmap in row-major order.

    Args:
        maps: (M, H, W).

    Returns:
        Pixels (M, 2), (-1, -1) where no value is positive, and the maxima (M,).
    """
    flat = maps.reshape(len(maps), -1)
    indices = flat.argmax(axis=1)
    maxima = np.take_along_axis(flat, indices[:, None], axis=1)[:, 0]
    pixels = np.stack([indices % maps.shape[2], indices // maps.shape[2]], axis=1)
    pixels[maxima <= 0] = -1
    return pixels, maxima


def take_windows(maps: NDArray[np.float32], pixels: Pixels, radius: int) -> NDArray[np.float64]:
    """Cut the square around each heatmap pixel out of its heatmap; the border is repeated outside.

    Args:
        maps: (M, H, W).
        pixels: (M, 2).
        radius: Pixels on each side of the centre.

    Returns:
        Windows (M, 2 * radius + 1, 2 * radius + 1).
    """
    reach = np.arange(-radius, radius + 1)
    columns = np.clip(pixels[:, 0, None] + reach, 0, maps.shape[2] - 1)
    rows = np.clip(pixels[:, 1, None] + reach, 0, maps.shape[1] - 1)
    indices = np.arange(len(maps))[:, None, None]
    windows = maps[indices, rows[:, :, None], columns[:, None, :]]
    return np.asarray(windows, dtype=np.float64)


def refine_quarter(
    maps: NDArray[np.float32], pixels: Pixels, generation: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Move each heatmap pixel by a quarter towards its larger neighbour, along both axes.

    An axis is left alone on its first two heatmap pixels and its last one. Older generations move a
    heatmap pixel only if both axes allow it; '1.x' decides per axis and asks of the other one only
    that the heatmap pixel is not its first.

    Args:
        maps: (M, H, W).
        pixels: (M, 2).
        generation: '1.x', '0.x' or 'hrnet'.

    Returns:
        Real-valued heatmap pixels (M, 2), and (M, 2) which coordinates were free to move.
    """
    last = np.array([maps.shape[2] - 1, maps.shape[1] - 1])
    free = np.logical_and(pixels > 1, pixels < last)
    other_allows = np.greater(pixels, 0) if generation == '1.x' else free
    free = free & other_allows[:, ::-1]
    slopes = np.sign(_gradient(take_windows(maps, pixels, radius=1)))
    return pixels.astype(np.float64) + np.where(free, 0.25 * slopes, 0.0), free


def refine_dark(maps: NDArray[np.float32], pixels: Pixels, kernel_size: int) -> NDArray[np.float64]:
    """Move each heatmap pixel to the top of a Gaussian fitted to the smoothed heatmap around it.

    Source: Zhang et al., Distribution-Aware Coordinate Representation for Human Pose Estimation,
    CVPR 2020, section 3.2. Pixels closer than two to a border stay.

    Args:
        maps: (M, H, W).
        pixels: (M, 2).
        kernel_size: Odd width of the blur that precedes the fit, heatmap pixels.

    Returns:
        Real-valued heatmap pixels (M, 2).
    """
    smooth = take_windows(blur_keeping_maxima(maps, kernel_size), pixels, radius=2)
    logs = np.log(np.maximum(smooth, 1e-10))
    center = logs[:, 2, 2]
    steps = _newton_steps(
        _gradient(logs[:, 1:4, 1:4]),
        0.25 * (logs[:, 2, 4] - 2 * center + logs[:, 2, 0]),
        0.25 * (logs[:, 4, 2] - 2 * center + logs[:, 0, 2]),
        0.25 * (logs[:, 3, 3] - logs[:, 1, 3] - logs[:, 3, 1] + logs[:, 1, 1]),
    )
    last = np.array([maps.shape[2] - 2, maps.shape[1] - 2])
    fits = np.logical_and(pixels > 1, pixels < last).all(axis=1, keepdims=True)
    return pixels.astype(np.float64) + np.where(fits, steps, 0.0)


def refine_udp_dark(
    maps: NDArray[np.float32], pixels: Pixels, kernel_size: int, generation: str
) -> NDArray[np.float64]:
    """Refine as :func:`refine_dark`, with differences over one heatmap pixel and up to the border.

    Source: Huang et al., The Devil Is in the Details: Delving Into Unbiased Data Processing for
    Human Pose Estimation, CVPR 2020. Near a border the generations differ by more than a heatmap
    pixel: '0.x' mirrors the heatmap there, '1.x' continues it by zeros and keeps its maximum.

    Args:
        maps: (M, H, W).
        pixels: (M, 2).
        kernel_size: Odd width of the blur that precedes the fit, heatmap pixels.
        generation: '1.x', '0.x' or 'hrnet', as '0.x'.

    Returns:
        Real-valued heatmap pixels (M, 2).
    """
    if generation == '1.x':
        smooth = blur_keeping_maxima(maps, kernel_size)
    else:
        smooth = blur_maps(maps, kernel_size, 'reflect')
    logs = np.log(np.clip(take_windows(smooth, pixels, radius=1), 1e-3, 50))
    center, left, right = logs[:, 1, 1], logs[:, 1, 0], logs[:, 1, 2]
    above, below = logs[:, 0, 1], logs[:, 2, 1]
    corners = logs[:, 0, 0] + logs[:, 2, 2]
    tiny = float(np.finfo(np.float32).eps)  # keeps the matrix of a flat heatmap invertible
    steps = _newton_steps(
        _gradient(logs),
        right - 2 * center + left + tiny,
        below - 2 * center + above + tiny,
        0.5 * (corners + 2 * center - left - right - above - below),
    )
    return pixels.astype(np.float64) + np.where(pixels >= 0, steps, 0.0)


def blur_keeping_maxima(maps: NDArray[np.float32], kernel_size: int) -> NDArray[np.float32]:
    """Blur heatmaps (M, H, W) with zeros outside, then scale each to its former maximum."""
    blurred = blur_maps(maps, kernel_size, 'zero')
    before, after = maps.max(axis=(1, 2)), blurred.max(axis=(1, 2))
    scale = np.divide(before, after, out=np.ones_like(before), where=np.greater(after, 0))
    blurred *= scale[:, None, None]
    return blurred


def _gradient(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Central differences (M, 2) along x and y at the middle of windows (M, 3, 3)."""
    along_x = windows[:, 1, 2] - windows[:, 1, 0]
    along_y = windows[:, 2, 1] - windows[:, 0, 1]
    return 0.5 * np.stack([along_x, along_y], axis=1)


def _newton_steps(
    gradient: NDArray[np.float64],
    curvature_x: NDArray[np.float64],
    curvature_y: NDArray[np.float64],
    mixed: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Steps (M, 2) to the stationary points of quadratics; 0 where there is no single one."""
    determinant = curvature_x * curvature_y - mixed**2
    numerator = np.stack(
        [
            mixed * gradient[:, 1] - curvature_y * gradient[:, 0],
            mixed * gradient[:, 0] - curvature_x * gradient[:, 1],
        ],
        axis=1,
    )
    regular = np.not_equal(determinant, 0)[:, None]
    steps = np.divide(numerator, determinant[:, None], out=np.zeros_like(numerator), where=regular)
    return np.where(np.isfinite(steps), steps, 0.0)
