"""Surroundings: rooms, streets, woods and clutter, and the things in them."""

from collections.abc import Callable

import cv2
import numpy as np

from posenas.datasets.synthetic.appearance import sample_color

__all__ = ['draw_background', 'draw_obstacle', 'make_texture']

_SHIFT = 4
_SKIN_LIKE = np.array([(150, 180, 220), (110, 145, 195), (70, 95, 145)], np.float64)

Size = tuple[int, int]
Painter = Callable[[np.ndarray, np.random.Generator], None]


def make_texture(rng: np.random.Generator, size: int = 1024) -> np.ndarray:
    """Sum noise of several scales to a grey tile around 128, uint8, (size, size)."""
    total = np.zeros((size, size), np.float32)
    for step, strength in ((1, 3.0), (2, 3.0), (5, 4.0), (13, 5.0), (37, 6.0)):
        cells = size // step + 1
        coarse = rng.standard_normal((cells, cells), dtype=np.float32) * strength
        total += cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.clip(128 + total, 0, 255).astype(np.uint8)


def _gradient(size: Size, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Fade from one colour to another downwards, uint8, (H, W, 3)."""
    ends = np.stack([top, bottom])[:, None].clip(0, 255).astype(np.float32)  # (2, 1, 3)
    column = cv2.resize(ends, (1, size[1]), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    return cv2.resize(column.reshape(size[1], 1, 3), size, interpolation=cv2.INTER_NEAREST)


def _cloud(
    rng: np.random.Generator, size: Size, cells: int, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Mix two colours by smooth noise of about ``cells`` patches across, uint8, (H, W, 3)."""
    shape = (max(2, cells * size[1] // size[0]), cells, 1)
    noise = rng.random(shape, dtype=np.float32)
    tint = rng.normal(0, 0.08, (*shape[:2], 3)).astype(np.float32)
    colors = low + (high - low) * np.clip(noise + tint, 0, 1)
    mode = cv2.INTER_LINEAR if cells < 60 else cv2.INTER_CUBIC
    return cv2.resize(colors.clip(0, 255).astype(np.uint8), size, interpolation=mode)


def _fill(image: np.ndarray, corners: np.ndarray, color: np.ndarray) -> None:
    """Fill a convex polygon (N, 2) of sub-pixel corners, in place."""
    fixed = np.rint(corners * (1 << _SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(image, fixed, [float(c) for c in color], cv2.LINE_AA, _SHIFT)


def _box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """List the corners of an upright rectangle, (4, 2)."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def _paint_room(image: np.ndarray, rng: np.random.Generator) -> None:
    """Wall, floor, mats, panels and posters."""
    height, width = image.shape[:2]
    horizon = int(height * rng.uniform(0.35, 0.85))
    wall, floor = sample_color(rng), sample_color(rng)
    image[:horizon] = _gradient((width, horizon), wall * rng.uniform(0.8, 1.1), wall)
    image[horizon:] = _gradient((width, height - horizon), floor * 0.85, floor * 1.1)
    for _ in range(rng.integers(0, 9)):
        x, y = rng.uniform(-0.1, 1) * width, rng.uniform(-0.1, 0.9) * horizon
        w, h = rng.gamma(2, 0.07, 2) * width
        color = sample_color(rng)
        _fill(image, _box(x, y, x + w, y + h), color)
        if rng.random() < 0.5:
            _fill(
                image,
                _box(x + 4, y + 4, x + max(w - 4, 5), y + max(h - 4, 5)),
                color * rng.uniform(0.6, 1.0),
            )
    vanish = np.array([rng.uniform(0, 1) * width, horizon - rng.uniform(0, 0.3) * height])
    for _ in range(rng.integers(0, 10)):
        end = np.array([rng.uniform(-1, 2) * width, height * 1.05])
        start = vanish + (end - vanish) * (horizon - vanish[1]) / max(end[1] - vanish[1], 1)
        _line(image, start, end, sample_color(rng), rng.integers(1, 6))
    if rng.random() < 0.6:
        top = rng.uniform(0, 0.8) * (height - horizon) + horizon
        corners = np.array(
            [
                [rng.uniform(-0.5, 0.4), 0],
                [rng.uniform(0.6, 1.5), 0],
                [rng.uniform(0.7, 2), 1],
                [rng.uniform(-1, 0.3), 1],
            ]
        )
        _fill(
            image, corners * (width, height * rng.uniform(0.05, 0.3)) + (0, top), sample_color(rng)
        )


def _paint_street(image: np.ndarray, rng: np.random.Generator) -> None:
    """Sky, buildings with windows or bricks, pavement, posts."""
    height, width = image.shape[:2]
    horizon = int(height * rng.uniform(0.45, 0.85))
    sky = np.array([235, 205, 170]) * rng.uniform(0.4, 1.1) + rng.normal(0, 15, 3)
    image[:] = _gradient((width, height), sky, sky + 30)
    x = rng.uniform(-0.3, 0) * width
    while x < width:
        w = rng.uniform(0.12, 0.7) * width
        _building(image, rng, x, horizon - rng.uniform(0.1, 1.1) * horizon, x + w, horizon)
        x += w * rng.uniform(0.7, 1.4)
    road = np.full(3, rng.uniform(50, 190)) + rng.normal(0, 10, 3)
    image[horizon:] = _gradient((width, height - horizon), road * 0.9, road * 1.1)
    for _ in range(rng.integers(0, 6)):
        y = rng.uniform(horizon, height)
        _line(
            image,
            (-5, y + rng.normal(0, 20)),
            (width + 5, y),
            road * rng.uniform(0.6, 1.4),
            rng.integers(1, 9),
        )


def _building(
    image: np.ndarray, rng: np.random.Generator, x0: float, y0: float, x1: float, y1: float
) -> None:
    """Paint one front with rows of windows or bricks."""
    wall = sample_color(rng) * 0.5 + 90
    _fill(image, _box(x0, y0, x1, y1), wall)
    is_brick = rng.random() < 0.4
    step_x, step_y = (
        (rng.uniform(10, 22), rng.uniform(5, 10)) if is_brick else rng.uniform(25, 90, 2)
    )
    dark = wall * rng.uniform(0.7, 0.9) if is_brick else np.full(3, rng.uniform(25, 220))
    left, right = int(max(x0, 0)), int(min(x1, image.shape[1]))
    top, bottom = int(max(y0, 0)), int(min(y1, image.shape[0]))
    if right - left < 3 or bottom - top < 3:
        return
    part = image[top:bottom, left:right]
    if is_brick:
        for row, y in enumerate(np.arange(0, bottom - top, step_y)):
            _line(part, (0, y), (right - left, y), dark, 1)
            for x in np.arange(step_x * 0.5 * (row % 2), right - left, step_x):
                _line(part, (x, y), (x, y + step_y), dark, 1)
        return
    share = rng.uniform(0.35, 0.75, 2)
    for y in np.arange(step_y * 0.3, bottom - top, step_y):
        for x in np.arange(step_x * 0.3, right - left, step_x):
            _fill(
                part,
                _box(x, y, x + step_x * share[0], y + step_y * share[1]),
                dark * rng.uniform(0.8, 1.2),
            )


def _paint_nature(image: np.ndarray, rng: np.random.Generator) -> None:
    """Sky or hills, foliage of several scales, trunks, grass, sand or water."""
    height, width = image.shape[:2]
    horizon = int(height * rng.uniform(0.25, 0.85))
    sky = np.array([240, 215, 180]) * rng.uniform(0.5, 1.05)
    image[:] = _gradient((width, height), sky * 0.9, sky * 1.1)
    if rng.random() < 0.8:
        top = int(max(0, horizon * rng.uniform(-0.4, 0.8)))
        leaf = np.array([40, 90, 70]) * rng.uniform(0.4, 1.4) + rng.normal(0, 14, 3)
        cells = int(rng.choice((14, 30, 70, 140)))
        leaves = _cloud(rng, (width, horizon - top + 1), cells, leaf * 0.3, leaf * 1.7)
        skyline = cv2.resize(
            rng.random((1, 12), dtype=np.float32), (width, 1), interpolation=cv2.INTER_CUBIC
        )
        rows = np.arange(horizon - top + 1)[:, None] > skyline * 0.5 * (horizon - top)
        cv2.copyTo(leaves, rows.astype(np.uint8), image[top : horizon + 1])
    for _ in range(rng.integers(0, 7) if rng.random() < 0.5 else 0):
        x, w = rng.uniform(0, width), rng.uniform(3, 30)
        bark = np.array([50, 65, 80]) * rng.uniform(0.4, 1.7)
        _fill(
            image,
            np.array(
                [
                    [x, -5],
                    [x + w, -5],
                    [x + w * 1.3 + rng.normal(0, 15), horizon + 20],
                    [x - w * 0.2, horizon + 20],
                ]
            ),
            bark,
        )
    ground = np.array([[45, 120, 95], [120, 160, 185], [150, 120, 80], [95, 110, 120]], float)[
        rng.integers(4)
    ]
    ground = ground * rng.uniform(0.6, 1.3) + rng.normal(0, 12, 3)
    cells = int(rng.choice((20, 60, 160)))
    image[horizon:] = _cloud(rng, (width, height - horizon), cells, ground * 0.75, ground * 1.25)


def _paint_plain(image: np.ndarray, rng: np.random.Generator) -> None:
    """Night, overcast sky, studio: one colour that hardly changes."""
    height, width = image.shape[:2]
    base = (
        sample_color(rng)
        if rng.random() < 0.5
        else np.full(3, rng.choice((12.0, 30.0, 215.0, 245.0)))
    )
    image[:] = _gradient((width, height), base * rng.uniform(0.7, 1.2), base)


def _paint_chaos(image: np.ndarray, rng: np.random.Generator) -> None:
    """Smooth noise of two scales, as crowds and shop windows look out of focus."""
    height, width = image.shape[:2]
    image[:] = _cloud(
        rng, (width, height), int(rng.integers(3, 24)), sample_color(rng), sample_color(rng)
    )
    fine = _cloud(
        rng, (width, height), int(rng.integers(24, 120)), sample_color(rng), sample_color(rng)
    )
    cv2.addWeighted(image, 0.6, fine, 0.4, 0, dst=image)


_PAINTERS: tuple[tuple[Painter, float], ...] = (
    (_paint_room, 0.3), (_paint_street, 0.22), (_paint_nature, 0.28), (_paint_plain, 0.08),
    (_paint_chaos, 0.12),
)  # fmt: skip


def _line(
    image: np.ndarray,
    start: tuple[float, float] | np.ndarray,
    end: tuple[float, float] | np.ndarray,
    color: np.ndarray,
    thickness: int,
) -> None:
    """Draw a straight line between pixels, in place."""
    p, q = (tuple(round(float(np.clip(v, -4000, 4000))) for v in point) for point in (start, end))
    cv2.line(image, p, q, [float(c) for c in color], int(thickness), cv2.LINE_AA)


def _add_clutter(image: np.ndarray, rng: np.random.Generator, count: int) -> None:
    """Strew polygons, discs, lines, letters and shapes that resemble limbs."""
    height, width = image.shape[:2]
    for kind in rng.choice(6, count, p=(0.25, 0.15, 0.2, 0.05, 0.25, 0.1)):
        center = rng.random(2) * (width, height)
        size = rng.gamma(1.6, 0.045) * width
        color = sample_color(rng)
        if kind == 0:
            angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
            _fill(
                image,
                center
                + size * np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.3, 1, 2),
                color,
            )
        elif kind == 1:
            axes = tuple(int(a) + 1 for a in size * rng.uniform(0.3, 1, 2))
            cv2.ellipse(
                image,
                tuple(center.astype(int).tolist()),
                axes,
                rng.uniform(0, 180),
                0,
                360,
                color.tolist(),
                -1,
                cv2.LINE_AA,
            )
        elif kind == 2:
            _line(image, center, center + rng.normal(0, 0.35, 2) * width, color, rng.integers(1, 8))
        elif kind == 3:
            text = ''.join(map(chr, rng.integers(65, 91, rng.integers(2, 9))))
            cv2.putText(
                image,
                text,
                tuple(center.astype(int).tolist()),
                int(rng.integers(0, 4)),
                rng.uniform(0.5, 2.5),
                color.tolist(),
                int(rng.integers(1, 6)),
                cv2.LINE_AA,
            )
        elif kind == 4:
            _limb(image, rng, center, color if rng.random() < 0.6 else _SKIN_LIKE[rng.integers(3)])
        else:
            for offset in np.arange(0, 5) * rng.uniform(6, 25):
                _line(
                    image,
                    center + (offset, 0),
                    center + (offset, size * 2),
                    color,
                    rng.integers(1, 4),
                )


def _limb(
    image: np.ndarray, rng: np.random.Generator, start: np.ndarray, color: np.ndarray
) -> None:
    """Draw a shaded rod like an arm, a leg or a branch."""
    axis = rng.normal(0, 0.12, 2) * image.shape[1]
    across = np.array([-axis[1], axis[0]]) / (np.linalg.norm(axis) + 1e-6) * rng.uniform(2, 16)
    taper = rng.uniform(0.5, 1.1)
    for share, shade in ((1.0, 0.7), (0.7, 0.9), (0.35, 1.05)):
        corners = [
            start - across * share,
            start + across * share,
            start + axis + across * share * taper,
            start + axis - across * share * taper,
        ]
        _fill(image, np.array(corners), np.clip(color * shade, 0, 255))


def draw_background(rng: np.random.Generator, size: Size, texture: np.ndarray) -> np.ndarray:
    """Paint the surroundings of a picture.

    Args:
        rng: Source of all choices.
        size: (width, height) in pixels.
        texture: Tile of grey noise around 128, uint8, at least as large.

    Returns:
        BGR uint8, (H, W, 3).
    """
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    painters, shares = zip(*_PAINTERS, strict=True)
    painters[rng.choice(len(painters), p=shares)](image, rng)
    _add_clutter(image, rng, int(rng.choice((0, 4, 12, 30), p=(0.15, 0.3, 0.35, 0.2))))
    strength = rng.uniform(0.3, 1.6)
    grain = cv2.addWeighted(
        texture[:height, :width], strength, texture[:height, :width], 0, 128 * (1 - strength)
    )
    image = cv2.multiply(image, cv2.merge([grain] * 3), scale=1 / 128)
    blur = 2 * int(rng.exponential(1.6)) + 1  # depth of field
    return cv2.GaussianBlur(image, (blur, blur), 0) if blur > 1 else image


def draw_obstacle(
    image: np.ndarray, owner: np.ndarray, rng: np.random.Generator, box: np.ndarray
) -> None:
    """Draw a thing before a person: post, rail, ball, crate, plant or branch.

    Args:
        image: BGR uint8, (H, W, 3), changed in place.
        owner: Person at each pixel, uint8, (H, W); becomes 0 under the thing.
        rng: Source of all choices.
        box: Person that is partly hidden, (x1, y1, x2, y2) in pixels.
    """
    size = max(box[2] - box[0], box[3] - box[1])
    center = rng.uniform(box[:2], box[2:])
    kind = rng.choice(5, p=(0.3, 0.2, 0.15, 0.2, 0.15))
    color = sample_color(rng)
    mask = np.zeros_like(owner)
    if kind == 0:  # post or rail
        slope = rng.normal(0, 0.1)
        axis = np.array([1.0, slope]) if rng.random() < 0.6 else np.array([slope, 1.0])
        reach = axis * size * rng.choice((0.6, 3.0))
        _line(
            mask,
            center - reach,
            center + reach,
            np.ones(1),
            max(1, int(size * rng.uniform(0.01, 0.07))),
        )
    elif kind == 1:  # ball
        cv2.circle(
            mask, tuple(center.astype(int).tolist()), int(size * rng.uniform(0.04, 0.14)) + 1, 1, -1
        )
    elif kind == 2:  # plant
        leaves = center + rng.normal(0, 0.12, (14, 2)) * size
        for x, y in leaves.astype(int).tolist():
            cv2.ellipse(
                mask,
                (x, y),
                (int(size * 0.06) + 1, int(size * 0.02) + 1),
                rng.uniform(0, 180),
                0,
                360,
                1,
                -1,
            )
        color = np.array([40, 100, 60]) * rng.uniform(0.5, 1.5)
    elif kind == 3:  # crate or wall in front of the lower part
        w, h = size * rng.uniform(0.2, 0.9), size * rng.uniform(0.1, 0.4)
        _fill(
            mask,
            _box(center[0] - w / 2, box[3] - h, center[0] + w / 2, box[3] + size * 0.1),
            np.ones(1),
        )
    else:  # branch or stranger's arm
        axis = rng.normal(0, 0.3, 2) * size
        _line(mask, center - axis, center + axis, np.ones(1), max(2, int(size * 0.04)))
        color = _SKIN_LIKE[rng.integers(3)] if rng.random() < 0.5 else color
    mask = (mask > 0).astype(np.uint8)
    height, width = owner.shape
    shade = _gradient((width, height), color * rng.uniform(0.7, 1.2), color * rng.uniform(0.7, 1.2))
    cv2.copyTo(shade, mask, image)
    owner[mask > 0] = 0
