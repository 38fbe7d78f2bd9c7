"""A sheet of people with their labels beside what was found."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posenas.skeletons import Skeleton
from posenas.visualization.draw import draw_poses
from posenas.visualization.panels import enlarge, grid, side_by_side, zoom_points

#: Part of the person's size that is shown around it.
_MARGIN = 0.25
#: Pixels of the longer side of a person's picture, at least.
_SIDE = 320


@dataclass(frozen=True)
class Case:
    """One person of one image; K keypoints.

    Attributes:
        image: (H, W, 3), RGB.
        truth: (K, 3) x, y, visibility.
        found: (K, 3) x, y, confidence; None if nothing was found.
        caption: Line above the picture.
    """

    image: NDArray[np.uint8]
    truth: NDArray[np.floating]
    found: NDArray[np.floating] | None
    caption: str


def draw_gallery(cases: Iterable[Case], skeleton: Skeleton, columns: int = 4) -> NDArray[np.uint8]:
    """Draw each person twice, with its label and with what was found.

    Args:
        cases: People.
        skeleton: Keypoints of both.
        columns: People in a row.

    Returns:
        The sheet (H, W, 3), RGB.
    """
    drawn = [(_draw(case, skeleton), case.caption) for case in cases]
    return grid([image for image, _ in drawn], columns, None, [caption for _, caption in drawn])


def _draw(case: Case, skeleton: Skeleton) -> NDArray[np.uint8]:
    """Cut the person out and draw label and result side by side."""
    poses = [pose for pose in (case.truth, case.found) if pose is not None]
    shown = np.concatenate([pose[pose[:, 2] > 0, :2] for pose in poses])
    low, high = shown.min(0), shown.max(0)
    margin = _MARGIN * (high - low).max() + 8
    left, top = np.maximum(low - margin, 0).astype(int)
    right, bottom = np.ceil(high + margin).astype(int)
    crop, zoom = enlarge(np.ascontiguousarray(case.image[top:bottom, left:right]), _SIDE)
    pictures = []
    for pose in (case.truth, case.found):
        if pose is None:
            pictures.append(crop)
            continue
        points = zoom_points(pose[:, :2] - (left, top), zoom)
        pictures.append(draw_poses(crop, points[None], pose[None, :, 2], skeleton, score_thr=0))
    return side_by_side(pictures, ['label', 'found' if case.found is not None else 'not found'])
