"""Pictures put together: equal tiles with captions, in rows and columns; all RGB uint8."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posenas.utils import OutputError, atomic_write
from posenas.utils.paths import to_utf8

Image = NDArray[np.uint8]

_PAPER = 255
_INK = (40, 40, 40)
#: Free space between tiles, pixels.
_GAP = 8
_CAPTION_HEIGHT = 24


def enlarge(image: Image, min_side: int) -> tuple[Image, float]:
    """Zoom a small picture so that drawing on it is legible.

    Args:
        image: (H, W, 3).
        min_side: Pixels that the longer side gets at least.

    Returns:
        The picture, and the zoom for :func:`zoom_points`.
    """
    zoom = max(1.0, min_side / max(image.shape[:2]))
    if zoom == 1:
        return image, zoom
    size = round(image.shape[1] * zoom), round(image.shape[0] * zoom)
    larger: Image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    return larger, zoom


def zoom_points(points: NDArray[np.floating], zoom: float) -> NDArray[np.floating]:
    """Carry pixel coordinates (..., D), keypoints or box corners, into the enlarged picture."""
    return (points + 0.5) * zoom - 0.5


def zoom_matrix(matrix: NDArray[np.floating], zoom: float) -> NDArray[np.floating]:
    """Let a matrix (2, 3) that maps the picture's pixels map those of the enlarged picture."""
    linear = matrix[:, :2] / zoom
    return np.column_stack([linear, matrix[:, 2] + linear.sum(axis=1) * (1 - zoom) / 2])


def fit_tile(image: Image, tile_size: tuple[int, int]) -> Image:
    """Scale ``image`` (H, W, 3) into a white tile of (width, height), keeping its shape."""
    width, height = tile_size
    zoom = min(width / image.shape[1], height / image.shape[0])
    size = max(1, round(image.shape[1] * zoom)), max(1, round(image.shape[0] * zoom))
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    tile = np.full((height, width, 3), _PAPER, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = cv2.resize(image, size, interpolation=method)
    return tile


def grid(
    images: Sequence[Image],
    columns: int,
    tile_size: tuple[int, int] | None = None,
    captions: Sequence[str] | None = None,
) -> Image:
    """Lay pictures out row by row on white paper.

    Args:
        images: Pictures (H, W, 3), of any sizes.
        columns: Pictures in a row.
        tile_size: (width, height) each is scaled into; by default the largest width and height.
        captions: One line above each picture.

    Returns:
        The sheet (H', W', 3).

    Raises:
        ValueError: There is no picture, or the number of captions differs.
    """
    if not images:
        raise ValueError('grid needs at least one image, got none')
    if captions is not None and len(captions) != len(images):
        raise ValueError(f'grid needs a caption per image, got {len(captions)} for {len(images)}')
    size = tile_size or (
        max(image.shape[1] for image in images),
        max(image.shape[0] for image in images),
    )
    head = _CAPTION_HEIGHT if captions else 0
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    step_x, step_y = size[0] + _GAP, size[1] + head + _GAP
    sheet = np.full((rows * step_y + _GAP, columns * step_x + _GAP, 3), _PAPER, np.uint8)
    for index, image in enumerate(images):
        top, left = _GAP + index // columns * step_y, _GAP + index % columns * step_x
        if captions:
            _write(sheet, captions[index], (left, top), size[0])
        top += head
        sheet[top : top + size[1], left : left + size[0]] = fit_tile(image, size)
    return sheet


def side_by_side(images: Sequence[Image], captions: Sequence[str] | None = None) -> Image:
    """Lay pictures out in one row at the height of the first; see :func:`grid`."""
    height = images[0].shape[0]
    scaled = [
        fit_tile(image, (round(image.shape[1] * height / image.shape[0]), height))
        for image in images
    ]
    return grid(scaled, len(scaled), None, captions)


def _write(sheet: Image, text: str, corner: tuple[int, int], width: int) -> None:
    """Write one line below ``corner`` (x, y), small enough for ``width`` pixels."""
    text, font, scale = to_utf8(text), cv2.FONT_HERSHEY_SIMPLEX, 0.5
    (text_width, _), _ = cv2.getTextSize(text, font, scale, 1)
    scale *= min(1.0, width / max(text_width, 1))
    place = corner[0], corner[1] + _CAPTION_HEIGHT - 8
    cv2.putText(sheet, text, place, font, scale, _INK, 1, cv2.LINE_AA)


def write_picture(path: str | Path, picture: Image) -> None:
    """Write an RGB picture as a whole, JPEG where OpenCV does not know the suffix of ``path``.

    Raises:
        OutputError: The file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix if cv2.haveImageWriter(to_utf8(path.name)) else '.jpg'
    is_encoded, content = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not is_encoded:
        raise OutputError(f'{path} must be writable as an image of {picture.shape}')
    with atomic_write(path.with_suffix(suffix)) as file:
        file.write(content.tobytes())
