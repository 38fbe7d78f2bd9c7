"""Crop matrices between image and network input, their inverses, and points through them.

A crop is given by centre and scale in image pixels, a rotation in degrees, and the size of the
network input. Matrices are (2, 3) and act on column vectors (x, y, 1).
"""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.utils.checks import check_shape

Floats = NDArray[np.floating]
Pixels = NDArray[np.integer[Any] | np.floating[Any]]
Pair = Sequence[float] | Floats


def get_warp_matrix(
    center: Pair,
    scale: Pair,
    rotation: float,
    output_size: Pair,
    shift: Pair = (0.0, 0.0),
) -> NDArray[np.float64]:
    """Build the matrix from image to input that zooms uniformly by the widths' ratio.

    Args:
        center: Middle of the crop (2,), image pixels.
        scale: Width and height of the crop (2,), image pixels; only the width sets the zoom.
        rotation: Degrees; opposite sense to :func:`get_udp_warp_matrix`.
        output_size: Width and height of the input, pixels.
        shift: Move of the centre as a fraction of ``scale``.

    Returns:
        Matrix (2, 3).
    """
    cx = float(center[0]) + float(shift[0]) * float(scale[0])
    cy = float(center[1]) + float(shift[1]) * float(scale[1])
    zoom = float(output_size[0]) / float(scale[0])
    theta = math.radians(rotation)
    cos, sin = zoom * math.cos(theta), zoom * math.sin(theta)
    x0 = float(output_size[0]) * 0.5 - cos * cx - sin * cy
    y0 = float(output_size[1]) * 0.5 + sin * cx - cos * cy
    return np.array([[cos, sin, x0], [-sin, cos, y0]])


def get_udp_warp_matrix(
    center: Pair, scale: Pair, rotation: float, output_size: Pair
) -> NDArray[np.float64]:
    """Build the unbiased matrix, which maps pixel centres at the crop's borders to the input's.

    Source: Huang et al., The Devil is in the Details: Delving into Unbiased Data Processing for
    Human Pose Estimation, CVPR 2020.

    Args:
        center: Middle of the crop (2,), image pixels.
        scale: Width and height of the crop (2,), image pixels.
        rotation: Degrees; opposite sense to :func:`get_warp_matrix`.
        output_size: Width and height of the input, pixels.

    Returns:
        Matrix (2, 3).
    """
    cx, cy = float(center[0]), float(center[1])
    width, height = float(scale[0]), float(scale[1])
    zoom_x = (float(output_size[0]) - 1) / width
    zoom_y = (float(output_size[1]) - 1) / height
    cos, sin = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    x0 = zoom_x * (width * 0.5 - cx * cos + cy * sin)
    y0 = zoom_y * (height * 0.5 - cx * sin - cy * cos)
    return np.array([[cos * zoom_x, -sin * zoom_x, x0], [sin * zoom_y, cos * zoom_y, y0]])


def invert_affine(matrix: Floats) -> NDArray[np.float64]:
    """Invert a matrix (2, 3).

    Raises:
        ValueError: The matrix flattens the plane, so it has no inverse.
    """
    (a, b, x0), (c, d, y0) = matrix.tolist()
    determinant = a * d - b * c
    if determinant == 0:
        raise ValueError('an affine matrix must have a determinant other than 0 to be inverted')
    a, b, c, d = d / determinant, -b / determinant, -c / determinant, a / determinant
    return np.array([[a, b, -a * x0 - b * y0], [c, d, -c * x0 - d * y0]])


def warp_points(points: Floats, matrix: Floats) -> Floats:
    """Map points (..., 2) by ``matrix`` (2, 3); keeps their type."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(points.dtype)


def crop_to_image(points: Floats, warp_mat: ArrayLike) -> Floats:
    """Carry points of a crop back to the image.

    Args:
        points: Points (..., 2), pixels of the crop.
        warp_mat: Matrix (2, 3) from image to crop; also as the nested tuples of a data sample's
            metainfo.

    Returns:
        Points (..., 2) of the same type, pixels of the image.

    Raises:
        ValueError: The matrix has another shape or no inverse.
    """
    matrix = np.asarray(warp_mat, dtype=np.float64)
    check_shape('warp_mat', matrix, (2, 3))
    return warp_points(points, invert_affine(matrix))


def letterbox_image(
    image: NDArray[np.uint8], size: tuple[int, int], pad_value: int = 114
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Fit a whole image into the upper left of a canvas; the rest is grey.

    Args:
        image: (H, W, 3).
        size: Width and height of the canvas, pixels.
        pad_value: Grey level of the rest.

    Returns:
        Canvas (h, w, 3), and the matrix (2, 3) from the image to it.
    """
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = (max(round(width * scale), 1), max(round(height * scale), 1))
    canvas = np.full((*size[::-1], 3), pad_value, np.uint8)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[: inner[1], : inner[0]] = cv2.resize(image, inner, interpolation=way)
    return canvas, np.array([[inner[0] / width, 0.0, 0.0], [0.0, inner[1] / height, 0.0]])


def warp_image(image: Pixels, warp_mat: NDArray[np.float64], size: tuple[int, int]) -> Pixels:
    """Warp ``image`` (H, W, C) to ``size`` (w, h), bilinear, black outside.

    A mirrored view is mirrored by the matrix: OpenCV would copy it into another image first.
    """
    if image.strides[1] < 0:
        image = image[:, ::-1]
        (a, b, x0), (c, d, y0) = warp_mat.tolist()
        last = image.shape[1] - 1
        warp_mat = np.array([[-a, b, x0 + a * last], [-c, d, y0 + c * last]])
    warped: Pixels = cv2.warpAffine(image, warp_mat, size, flags=cv2.INTER_LINEAR)
    return warped
