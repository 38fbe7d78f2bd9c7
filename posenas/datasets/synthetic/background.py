"""Surroundings: rooms, streets, woods, plain and crowded backgrounds."""

from collections.abc import Callable

import cv2
import numpy as np

from posenas.datasets.synthetic.appearance import sample_color
from posenas.datasets.synthetic.things import draw_box, draw_line, draw_polygon, scatter_things

Size = tuple[int, int]
Painter = Callable[[np.ndarray, np.random.Generator], None]


def make_texture(rng: np.random.Generator, size: int) -> np.ndarray:
    """Sum noise of several scales to a grey tile around 128, uint8, (size, size)."""
    total = np.zeros((size, size), np.float32)
    for step, strength in ((1, 3.0), (2, 4.0), (4, 4.0), (9, 3.0), (31, 3.0)):
        cells = size // step + 1
        coarse = rng.standard_normal((cells, cells), dtype=np.float32) * strength
        total += cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.clip(128 + total, 0, 255).astype(np.uint8)


def modulate(image: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Multiply ``image`` (H, W, 3) by ``grey`` (H, W), where 128 keeps it; both uint8."""
    return cv2.multiply(image, cv2.merge([grey] * 3), scale=1 / 128)


def _gradient(size: Size, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Fade from one colour to another downwards, uint8, (H, W, 3)."""
    width, height = size
    rows = top + np.linspace(0, 1, height)[:, None] * (bottom - top)
    return np.broadcast_to(np.clip(rows, 0, 255).astype(np.uint8)[:, None], (height, width, 3))


def _cloud(
    rng: np.random.Generator, size: Size, cells: int, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Mix two colours by smooth noise of about ``cells`` patches across, uint8, (H, W, 3)."""
    shape = (max(2, cells * size[1] // size[0]), cells, 1)
    noise = rng.random(shape, dtype=np.float32)
    tint = rng.normal(0, 0.08, (*shape[:2], 3)).astype(np.float32)
    colors = low + (high - low) * np.clip(noise + tint, 0, 1)
    return cv2.resize(np.clip(colors, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_CUBIC)


def _paint_room(image: np.ndarray, rng: np.random.Generator) -> None:
    """Wall, floor, mats, panels, posters, lines on the floor."""
    height, width = image.shape[:2]
    horizon = int(height * rng.uniform(0.35, 0.85))
    wall, floor = sample_color(rng), sample_color(rng)
    image[:horizon] = _gradient((width, horizon), wall * rng.uniform(0.8, 1.1), wall)
    image[horizon:] = _gradient((width, height - horizon), floor * 0.85, floor * 1.1)
    for _ in range(rng.integers(0, 9)):
        x, y = rng.uniform(-0.1, 1) * width, rng.uniform(-0.1, 0.9) * horizon
        w, h = rng.gamma(2, 0.07, 2) * width
        color, frame = sample_color(rng), 0.01 * width * (rng.random() < 0.5)
        draw_box(image, x, y, x + w, y + h, color)
        draw_box(image, x + frame, y + frame, x + w - frame, y + h - frame, 0.8 * color)
    vanishing = np.array([rng.random() * width, horizon - rng.uniform(0, 0.3) * height])
    for _ in range(rng.integers(0, 10)):
        end = np.array([rng.uniform(-1, 2) * width, height * 1.05])
        start = vanishing + (end - vanishing) * (horizon - vanishing[1]) / (end[1] - vanishing[1])
        draw_line(image, start, end, sample_color(rng), rng.integers(1, 6))
    if rng.random() < 0.6:  # a mat
        left, right = rng.uniform(-0.8, 0.4, 2), rng.uniform(0.6, 1.8, 2)
        corners = np.array([[left[0], 0], [right[0], 0], [right[1], 1], [left[1], 1]])
        top = horizon + rng.uniform(0, 0.8) * (height - horizon)
        depth = height * rng.uniform(0.05, 0.3)
        draw_polygon(image, corners * (width, depth) + (0, top), sample_color(rng))


def _paint_street(image: np.ndarray, rng: np.random.Generator) -> None:
    """Sky, buildings with windows or bricks, pavement."""
    height, width = image.shape[:2]
    horizon = int(height * rng.uniform(0.45, 0.85))
    sky = np.array([235, 205, 170]) * rng.uniform(0.4, 1.1) + rng.normal(0, 15, 3)
    image[:] = _gradient((width, height), sky, sky + 30)
    x = rng.uniform(-0.3, 0) * width
    while x < width:
        w = rng.uniform(0.12, 0.7) * width
        top = max(0, int(horizon - rng.uniform(0.1, 1.1) * horizon))
        _paint_front(image[top:horizon, max(0, int(x)) : max(0, int(x + w))], rng)
        x += w * rng.uniform(0.7, 1.4)
    road = np.full(3, rng.uniform(50, 190)) + rng.normal(0, 10, 3)
    image[horizon:] = _gradient((width, height - horizon), road * 0.9, road * 1.1)
    for _ in range(rng.integers(0, 6)):
        y = rng.uniform(horizon, height)
        ends = (-5, y + rng.normal(0, 0.04) * height), (width + 5, y)
        draw_line(image, *ends, road * rng.uniform(0.6, 1.4), rng.integers(1, 9))


def _paint_front(image: np.ndarray, rng: np.random.Generator) -> None:
    """Fill ``image`` with the front of a building: bricks, or rows of windows."""
    wall = 0.5 * sample_color(rng) + 90
    image[:] = wall
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        step_x, step_y = rng.uniform(10, 22), rng.uniform(5, 10)
        joint = wall * rng.uniform(0.7, 0.9)
        for row, y in enumerate(np.arange(0, height, step_y)):
            draw_line(image, (0, y), (width, y), joint, 1)
            for x in np.arange(0.5 * step_x * (row % 2), width, step_x):
                draw_line(image, (x, y), (x, y + step_y), joint, 1)
        return
    glass = np.full(3, rng.uniform(25, 220)) + rng.normal(0, 12, 3)
    step_x, step_y = rng.uniform(25, 90, 2)
    share_x, share_y = rng.uniform(0.35, 0.75, 2)
    for y in np.arange(0.3 * step_y, height, step_y):
        for x in np.arange(0.3 * step_x, width, step_x):
            color = glass * rng.uniform(0.8, 1.2)
            draw_box(image, x, y, x + step_x * share_x, y + step_y * share_y, color)


def _paint_nature(image: np.ndarray, rng: np.random.Generator) -> None:
    """Sky, foliage, trunks; grass, sand, water or stone."""
    height, width = image.shape[:2]
    horizon = int(height * rng.uniform(0.25, 0.85))
    sky = np.array([240, 215, 180]) * rng.uniform(0.5, 1.05)
    image[:] = _gradient((width, height), sky * 0.9, sky * 1.1)
    if rng.random() < 0.8:
        _paint_foliage(image[int(max(0, horizon * rng.uniform(-0.4, 0.8))) : horizon], rng)
    for _ in range(rng.integers(0, 7) if rng.random() < 0.5 else 0):
        x, w = rng.uniform(0, width), rng.uniform(0.005, 0.05) * width
        bark = np.array([50, 65, 80]) * rng.uniform(0.4, 1.7)
        foot = x + rng.normal(0, 0.5) * w
        corners = [[x, -5], [x + w, -5], [foot + 1.3 * w, horizon + 20], [foot, horizon + 20]]
        draw_polygon(image, np.array(corners), bark)
    grounds = ((45, 120, 95), (120, 160, 185), (150, 120, 80), (95, 110, 120))
    ground = np.array(grounds[rng.integers(4)]) * rng.uniform(0.6, 1.3) + rng.normal(0, 12, 3)
    cells = int(rng.choice((20, 60, 160)))
    below = (width, height - horizon)
    image[horizon:] = _cloud(rng, below, cells, ground * 0.75, ground * 1.25)


def _paint_foliage(image: np.ndarray, rng: np.random.Generator) -> None:
    """Cover ``image`` with leaves below an uneven skyline."""
    height, width = image.shape[:2]
    if not height:
        return
    leaf = np.array([40, 90, 70]) * rng.uniform(0.4, 1.4) + rng.normal(0, 14, 3)
    leaves = _cloud(rng, (width, height), int(rng.choice((30, 70, 140))), leaf * 0.3, leaf * 1.7)
    coarse = _cloud(rng, (width, height), int(rng.choice((6, 14, 30))), leaf * 0.3, leaf * 1.5)
    leaves = cv2.addWeighted(leaves, 0.6, coarse, 0.4, 0)
    hills = rng.random((1, 12), dtype=np.float32)
    skyline = cv2.resize(hills, (width, 1), interpolation=cv2.INTER_CUBIC) * 0.5 * height
    below = np.arange(height)[:, None] > skyline
    cv2.copyTo(leaves, below.astype(np.uint8), image)


def _paint_plain(image: np.ndarray, rng: np.random.Generator) -> None:
    """Night, overcast sky, studio: one colour that hardly changes."""
    height, width = image.shape[:2]
    grey = np.full(3, rng.choice((12.0, 30.0, 215.0, 245.0)))
    base = sample_color(rng) if rng.random() < 0.5 else grey
    image[:] = _gradient((width, height), base * rng.uniform(0.7, 1.2), base)


def _paint_blur(image: np.ndarray, rng: np.random.Generator) -> None:
    """Smooth noise of two scales, as crowds and shop windows look out of focus."""
    size = image.shape[1::-1]
    cells = int(rng.integers(3, 24)), int(rng.integers(24, 120))
    coarse, fine = (_cloud(rng, size, n, sample_color(rng), sample_color(rng)) for n in cells)
    cv2.addWeighted(coarse, 0.6, fine, 0.4, 0, dst=image)


def _paint_leaves(image: np.ndarray, rng: np.random.Generator) -> None:
    """Shapes of all sizes over each other, sizes distributed as in photographs (dead leaves).

    Lee, Mumford and Huang, Occlusion Models for Natural Images, IJCV 2001.
    """
    height, width = image.shape[:2]
    palette = np.stack([sample_color(rng) for _ in range(rng.integers(3, 9))])
    image[:] = palette[0]
    count = 500
    radii = 0.25 * width / np.sqrt(rng.uniform(1, (0.25 * width / 3) ** 2, count))
    colors = palette[rng.integers(len(palette), size=count)] * rng.uniform(0.6, 1.3, (count, 1))
    centers = (rng.random((count, 2)) * (width, height)).astype(int).tolist()
    axes = (radii[:, None] * rng.uniform(0.4, 1, (count, 2))).astype(int).tolist()
    angles = rng.uniform(0, 180, count)
    order = np.argsort(-radii)
    is_round = rng.random() < 0.5
    for index in order[: count if is_round else count // 2]:
        color = np.clip(colors[index], 0, 255).tolist()
        if is_round:
            cv2.ellipse(image, centers[index], axes[index], angles[index], 0, 360, color, -1)
        else:
            box = cv2.boxPoints((centers[index], axes[index], float(angles[index])))
            cv2.fillConvexPoly(image, box.astype(np.int32), color, cv2.LINE_AA)


_PAINTERS: tuple[tuple[Painter, float], ...] = (
    (_paint_room, 0.27),
    (_paint_street, 0.2),
    (_paint_nature, 0.23),
    (_paint_plain, 0.08),
    (_paint_blur, 0.1),
    (_paint_leaves, 0.12),
)


def draw_background(rng: np.random.Generator, texture: np.ndarray) -> np.ndarray:
    """Paint the surroundings of a picture.

    Args:
        rng: Source of all choices.
        texture: Grey noise around 128, uint8, (H, W).

    Returns:
        BGR uint8, (H, W, 3).
    """
    image = np.empty((*texture.shape, 3), np.uint8)
    painters, shares = zip(*_PAINTERS, strict=True)
    painters[rng.choice(len(painters), p=shares)](image, rng)
    scatter_things(image, rng, int(rng.choice((0, 4, 12, 30), p=(0.15, 0.3, 0.35, 0.2))))
    strength = rng.uniform(0.2, 1.6)
    grain = cv2.addWeighted(texture, strength, texture, 0, 128 * (1 - strength))
    image = modulate(image, grain)
    blur = 2 * int(rng.exponential(0.0025) * texture.shape[1]) + 1  # depth of field
    return cv2.GaussianBlur(image, (blur, blur), 0) if blur > 1 else image
