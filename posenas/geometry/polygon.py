"""Points and polygons."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def points_in_polygon(points: Floats, polygon: Floats) -> NDArray[np.bool_]:
    """Say which points lie inside a closed polygon, by the even-odd rule; its border is outside.

    Args:
        points: (..., 2), pixels.
        polygon: (V, 2), corners in order; fewer than three surround nothing.

    Returns:
        (...,) flags.
    """
    start = np.asarray(polygon, np.float64).reshape(-1, 2)
    edge = np.roll(start, -1, axis=0) - start  # (V, 2)
    offset = np.asarray(points, np.float64)[..., None, :] - start  # (..., V, 2)
    # Twice the area of the triangle of edge and point: its sign is the point's side of the edge.
    side = edge[:, 0] * offset[..., 1] - edge[:, 1] * offset[..., 0]
    starts_above, ends_above = offset[..., 1] < 0, offset[..., 1] < edge[:, 1]
    # A ray to the right meets the edges that change sides of it and lie to the right of the point.
    is_crossed = (starts_above != ends_above) & ((side > 0) == ends_above)
    along = (offset * (offset - edge)).sum(-1)
    is_on_border = ((side == 0) & (along <= 0)).any(-1)
    inside: NDArray[np.bool_] = (is_crossed.sum(-1) % 2 == 1) & ~is_on_border
    return inside
