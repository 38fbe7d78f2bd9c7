"""Things: posts, crates, plants, limb-like rods, letters; behind people and before them."""

import cv2
import numpy as np

from posenas.datasets.synthetic.appearance import SKINS, sample_color

_SHIFT = 4  # binary digits of sub-pixel positions
_FAR = 4000  # OpenCV's coordinates overflow beyond

Point = tuple[float, float] | np.ndarray


def draw_polygon(image: np.ndarray, corners: np.ndarray, color: np.ndarray) -> None:
    """Fill a convex polygon with sub-pixel corners (N, 2), in place."""
    fixed = np.rint(corners * (1 << _SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(image, fixed, color.tolist(), cv2.LINE_AA, _SHIFT)


def draw_box(
    image: np.ndarray, x0: float, y0: float, x1: float, y1: float, color: np.ndarray
) -> None:
    """Fill an upright rectangle, in place."""
    corners = (_clip_point((x0, y0)), _clip_point((x1, y1)))
    cv2.rectangle(image, *corners, color.tolist(), -1)


def draw_line(
    image: np.ndarray, start: Point, end: Point, color: np.ndarray, thickness: int
) -> None:
    """Draw a straight line between two pixels, in place."""
    ends = (_clip_point(start), _clip_point(end))
    cv2.line(image, *ends, color.tolist(), int(thickness), cv2.LINE_AA)


def _clip_point(point: Point) -> tuple[int, int]:
    """Round to pixels that OpenCV can handle."""
    x, y = point
    return round(min(max(float(x), -_FAR), _FAR)), round(min(max(float(y), -_FAR), _FAR))


def scatter_things(image: np.ndarray, rng: np.random.Generator, count: int) -> None:
    """Strew polygons, discs, lines, letters, fences and rods that resemble limbs, in place."""
    height, width = image.shape[:2]
    painters = (_draw_shard, _draw_disc, _draw_wire, _draw_letters, _draw_rod, _draw_fence)
    for kind in rng.choice(len(painters), count, p=(0.25, 0.15, 0.2, 0.05, 0.25, 0.1)):
        center = rng.random(2) * (width, height)
        painters[kind](image, rng, center, rng.gamma(1.6, 0.045) * width)


def _draw_shard(
    image: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float
) -> None:
    angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    draw_polygon(image, center + size * circle * rng.uniform(0.3, 1, 2), sample_color(rng))


def _draw_disc(
    image: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float
) -> None:
    axes = [int(axis) + 1 for axis in size * rng.uniform(0.3, 1, 2)]
    color = sample_color(rng).tolist()
    turn = rng.uniform(0, 180)
    cv2.ellipse(image, _clip_point(center), axes, turn, 0, 360, color, -1, cv2.LINE_AA)


def _draw_wire(
    image: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float
) -> None:
    reach = rng.normal(0, 4, 2) * size
    draw_line(image, center, center + reach, sample_color(rng), rng.integers(1, 8))


def _draw_letters(
    image: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float
) -> None:
    text = ''.join(map(chr, rng.integers(65, 91, rng.integers(2, 9))))
    color = sample_color(rng).tolist()
    zoom, weight = size * rng.uniform(0.01, 0.03), int(rng.integers(1, 6))
    font = int(rng.integers(0, 4))
    cv2.putText(image, text, _clip_point(center), font, zoom, color, weight, cv2.LINE_AA)


def _draw_rod(image: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float) -> None:
    axis = rng.normal(0, 1.6, 2) * size
    across = np.array([-axis[1], axis[0]]) / (np.linalg.norm(axis) + 1e-6)
    across *= rng.uniform(0.02, 0.2) * size
    color = SKINS[rng.integers(10)] if rng.random() < 0.4 else sample_color(rng)
    taper = rng.uniform(0.5, 1.1)
    for share, shade in ((1.0, 0.7), (0.7, 0.9), (0.35, 1.05)):
        side = across * share
        corners = [center - side, center + side, center + axis + side * taper]
        corners.append(center + axis - side * taper)
        draw_polygon(image, np.array(corners), np.clip(color * shade, 0, 255))


def _draw_fence(
    image: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float
) -> None:
    color, thickness = sample_color(rng), rng.integers(1, 4)
    for offset in np.arange(rng.integers(3, 12)) * rng.uniform(0.1, 0.5) * size:
        x, y = center[0] + offset, center[1]
        draw_line(image, (x, y), (x, y + 2 * size), color, thickness)


def draw_obstacle(
    image: np.ndarray, owner: np.ndarray, rng: np.random.Generator, box: np.ndarray
) -> None:
    """Draw a thing before a person: post, rail, ball, crate, plant or a stranger's arm.

    Args:
        image: BGR uint8, (H, W, 3), changed in place.
        owner: Person at each pixel, uint8, (H, W); becomes 0 under the thing.
        rng: Source of all choices.
        box: Person that is partly hidden, (x1, y1, x2, y2) in pixels.
    """
    size = float(max(box[2] - box[0], box[3] - box[1]))
    center = rng.uniform(box[:2], box[2:])
    makers = (_mask_post, _mask_ball, _mask_plant, _mask_crate, _mask_arm)
    kind = rng.choice(len(makers), p=(0.3, 0.2, 0.15, 0.2, 0.15))
    color = sample_color(rng)
    if kind == 2:
        color = np.array([40, 100, 60]) * rng.uniform(0.5, 1.5)
    elif kind == 4 and rng.random() < 0.5:
        color = SKINS[rng.integers(10)]
    mask = np.zeros_like(owner)
    makers[kind](mask, rng, center, size, box)
    shade = np.linspace(0.75, 1.15, len(mask))[:, None] * color
    shade = np.clip(shade, 0, 255).astype(np.uint8)[:, None]  # (H, 1, 3)
    cv2.copyTo(np.broadcast_to(shade, image.shape).copy(), mask, image)
    owner[mask > 0] = 0


_ONE = np.ones(1)


def _mask_post(
    mask: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float, _: np.ndarray
) -> None:
    slope = rng.normal(0, 0.1)
    axis = np.array([1.0, slope]) if rng.random() < 0.6 else np.array([slope, 1.0])
    reach = axis * size * rng.choice((0.6, 3.0))
    thickness = max(1, int(size * rng.uniform(0.01, 0.07)))
    cv2.line(mask, _clip_point(center - reach), _clip_point(center + reach), 1, thickness)


def _mask_ball(
    mask: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float, _: np.ndarray
) -> None:
    cv2.circle(mask, _clip_point(center), int(size * rng.uniform(0.04, 0.14)) + 1, 1, -1)


def _mask_plant(
    mask: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float, _: np.ndarray
) -> None:
    axes = (int(size * 0.06) + 1, int(size * 0.02) + 1)
    for leaf, turn in zip(rng.normal(0, 0.12, (14, 2)), rng.uniform(0, 180, 14), strict=True):
        cv2.ellipse(mask, _clip_point(center + leaf * size), axes, turn, 0, 360, 1, -1)


def _mask_crate(
    mask: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float, box: np.ndarray
) -> None:
    half, top = 0.5 * size * rng.uniform(0.2, 0.9), size * rng.uniform(0.1, 0.4)
    draw_box(mask, center[0] - half, box[3] - top, center[0] + half, box[3] + 0.1 * size, _ONE)


def _mask_arm(
    mask: np.ndarray, rng: np.random.Generator, center: np.ndarray, size: float, _: np.ndarray
) -> None:
    reach = rng.normal(0, 0.3, 2) * size
    thickness = max(2, int(size * 0.04))
    cv2.line(mask, _clip_point(center - reach), _clip_point(center + reach), 1, thickness)
