"""Box formats, padding, aspect ratio, cleaning and overlap.

Formats: ``xyxy`` (left, top, right, bottom), ``xywh`` (left, top, width, height) and ``cs``
(centre x y, scale width height). All in pixels, last axis first to last as written.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.utils.checks import check_choice
from posenas.utils.errors import DataError
from posenas.utils.generations import check_generation

Floats = NDArray[np.floating]


def bbox_xywh2xyxy(bbox: Floats) -> Floats:
    """Convert boxes (..., 4) from left, top, width, height to corners."""
    return np.concatenate([bbox[..., :2], bbox[..., :2] + bbox[..., 2:]], axis=-1)


def bbox_xyxy2xywh(bbox: Floats) -> Floats:
    """Convert boxes (..., 4) from corners to left, top, width, height."""
    return np.concatenate([bbox[..., :2], bbox[..., 2:] - bbox[..., :2]], axis=-1)


def bbox_xyxy2cs(bbox: Floats, padding: float = 1.0) -> tuple[Floats, Floats]:
    """Convert boxes (..., 4) from corners to centre and scale.

    Args:
        bbox: Corners, pixels.
        padding: Factor by which the scale exceeds the box.

    Returns:
        Centre (..., 2) and scale (..., 2), pixels.
    """
    return (bbox[..., :2] + bbox[..., 2:]) * 0.5, (bbox[..., 2:] - bbox[..., :2]) * padding


def bbox_cs2xyxy(center: Floats, scale: Floats, padding: float = 1.0) -> Floats:
    """Convert centre (..., 2) and scale (..., 2) to corners (..., 4); inverts bbox_xyxy2cs."""
    half = scale * (0.5 / padding)
    return np.concatenate([center - half, center + half], axis=-1)


def fix_aspect_ratio(scale: Floats, aspect_ratio: float) -> Floats:
    """Enlarge the short side of ``scale`` (..., 2) until width / height = ``aspect_ratio``."""
    width, height = scale[..., :1], scale[..., 1:]
    return np.concatenate(
        [np.maximum(width, height * aspect_ratio), np.maximum(height, width / aspect_ratio)],
        axis=-1,
    )


def clean_bbox_xywh(
    bbox: Floats, image_size: NDArray[np.integer] | Floats, generation: str = '1.x'
) -> tuple[Floats, NDArray[np.bool_]]:
    """Cut annotated boxes to their images, as the given generation does.

    '0.x' and 'hrnet' boxes are about one pixel smaller, and one that starts left of or above the
    image keeps its full width or height; '1.x' cuts it. 'hrnet' keeps boxes that are one pixel
    thin.

    Args:
        bbox: Annotated boxes (N, 4), left, top, width, height.
        image_size: Width and height of each box's image (N, 2) or of all (2,), pixels.
        generation: One of :data:`posenas.utils.generations.GENERATIONS`.

    Returns:
        Corners (N, 4) and whether each cut box has a positive width and height, one of them for
        'hrnet' (N,).

    Raises:
        ValueError: ``generation`` is unknown.
    """
    check_generation(generation)
    limit = image_size - 1
    if generation == '1.x':
        low = np.clip(bbox[:, :2], 0, limit)
        high = np.clip(bbox[:, :2] + bbox[:, 2:], 0, limit)
    else:
        low = np.maximum(bbox[:, :2], 0)
        high = np.minimum(low + np.maximum(bbox[:, 2:] - 1, 0), limit)
    size = high - low
    if generation == 'hrnet':
        valid = (size.min(axis=1) >= 0) & (size.max(axis=1) > 0)
    else:
        valid = size.min(axis=1) > 0
    return np.concatenate([low, high], axis=1).astype(bbox.dtype), np.asarray(valid)


def bbox_iou(boxes: Floats, others: Floats) -> Floats:
    """Compute the overlap of boxes given by their corners.

    Args:
        boxes: Corners (N, 4).
        others: Corners (M, 4).

    Returns:
        Intersection over union (N, M) in [0, 1]; 0 where both boxes are empty.
    """
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    inter = np.clip(high - low, 0, None).prod(axis=-1)  # (N, M)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    other_area = (others[:, 2:] - others[:, :2]).prod(axis=1)
    union = area[:, None] + other_area[None] - inter
    return np.asarray(inter / np.where(union > 0, union, 1))


def keep_best_boxes(boxes: Floats, threshold: float) -> list[int]:
    """Return the rows of boxes that overlap no better one too much.

    Args:
        boxes: Corners (N, 4), best first.
        threshold: Intersection over union above which the lesser of two boxes is dropped.
    """
    overlaps = bbox_iou(boxes, boxes)
    kept: list[int] = []
    for row in range(len(boxes)):
        if not kept or overlaps[row, kept].max() <= threshold:
            kept.append(row)
    return kept


def match_boxes(overlaps: Floats, min_overlap: float) -> list[tuple[int, int]]:
    """Pair boxes with others, those that overlap most first.

    Args:
        overlaps: Intersection over union (N, M), of :func:`bbox_iou`.
        min_overlap: Least overlap of a pair.

    Returns:
        Pairs (row, column), each row and column at most once.
    """
    left = np.array(overlaps, dtype=np.float64)
    pairs = []
    while left.size and left.max() >= min_overlap:
        row, column = (int(i) for i in np.unravel_index(left.argmax(), left.shape))
        pairs.append((row, column))
        left[row], left[:, column] = -1, -1
    return pairs


def parse_bboxes(
    bboxes: ArrayLike, bbox_format: str = 'xyxy'
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read boxes that somebody gives.

    Args:
        bboxes: Boxes (N, 4) or, with scores, (N, 5), pixels.
        bbox_format: 'xyxy' for corners, 'xywh' for left, top, width, height.

    Returns:
        Corners (N, 4) and scores (N,), 1 where none are given.

    Raises:
        DataError: They are no such numbers, or a box is empty.
        ValueError: The format is unknown.
    """
    check_choice('bbox_format', bbox_format, ('xyxy', 'xywh'))
    try:
        boxes = np.array(bboxes, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f'bboxes must be numbers (N, 4) or (N, 5): {error}') from error
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] not in (4, 5):
        raise DataError(f'bboxes must have shape (N, 4) or, with scores, (N, 5), got {boxes.shape}')
    corners = boxes[:, :4] if bbox_format == 'xyxy' else bbox_xywh2xyxy(boxes[:, :4])
    is_box = np.isfinite(boxes).all(axis=1) & np.greater(corners[:, 2:], corners[:, :2]).all(axis=1)
    if not is_box.all():
        first = int(np.flatnonzero(~is_box)[0])
        raise DataError(
            'bboxes must be finite, wider and higher than 0, '
            f'got {boxes[first].tolist()} at {first} in format {bbox_format}'
        )
    scores = boxes[:, 4] if boxes.shape[1] == 5 else np.ones(len(boxes), np.float32)
    return np.asarray(corners, np.float32), scores


def grow_to_whole_pixels(bbox: Floats) -> Floats:
    """Return boxes (..., 4), corners, in whole pixels and one larger, as PNFS' detected ones."""
    corner, size = np.trunc(bbox[..., :2]), np.trunc(bbox[..., 2:] - bbox[..., :2]) + 1
    return np.concatenate([corner, corner + size], axis=-1).astype(bbox.dtype)
