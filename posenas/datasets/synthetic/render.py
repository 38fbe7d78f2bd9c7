"""Drawing of one person: project the skin, sort faces by depth, shade, blend into the picture."""

from dataclasses import dataclass

import cv2
import numpy as np

from posenas.datasets.synthetic.appearance import Outfit
from posenas.datasets.synthetic.background import modulate
from posenas.datasets.synthetic.body import (
    BONE_INDICES,
    BodyShape,
    Posture,
    locate_joints,
    pose_body,
)
from posenas.datasets.synthetic.face import FACE_QUADS, FACE_SIGNS
from posenas.datasets.synthetic.mesh import JOINT_PARTS, PART_INDICES, RINGS, skin_rings

_SHIFT = 4  # binary digits of sub-pixel positions in OpenCV's polygons
_HEAD = BONE_INDICES['head']
_FACE_BIAS = 0.02  # the face's features lie on the head: draw them after it
# Deepest a joint may lie under the surface that shows it, fraction of the height.
_JOINT_DEPTH = np.array(
    [0.025] * 3 + [0.035] * 2 + [0.07] * 2 + [0.05] * 2 + [0.04] * 2 + [0.105] * 2 + [0.06] * 2
    + [0.05] * 2
)  # fmt: skip
_NEIGHBOURS = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])


@dataclass(frozen=True)
class Light:
    """Illumination of a scene.

    Args:
        direction: Unit vector towards the lamp; x right, y up, z to the camera, (3,).
        ambient: Brightness without the lamp.
        diffuse: Brightness the lamp adds to faces turned to it.
        occlusion: Strength of the darkening where a surface lies behind another, in [0, 1].
    """

    direction: np.ndarray
    ambient: float
    diffuse: float
    occlusion: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> 'Light':
        """Draw a lamp that mostly stands above and before the scene."""
        direction = rng.normal((0, 0.7, 0.45), (0.8, 0.5, 0.6))
        contrast = rng.uniform(0.15, 0.95)
        level = rng.uniform(0.6, 1.25)
        return cls(
            direction / np.linalg.norm(direction),
            level * (1 - 0.55 * contrast),
            level * 0.85 * contrast,
            rng.uniform(0.3, 0.9),
        )


@dataclass(frozen=True)
class Camera:
    """View of one person.

    Args:
        view: Rotation of the world into the camera's axes (x right, y up, z backward), (3, 3).
        distance: Distance from the pelvis, body heights.
        scale: Pixels per body height at the pelvis.
        center: Pixel of the pelvis, (2,).
    """

    view: np.ndarray
    distance: float
    scale: float
    center: np.ndarray


@dataclass(frozen=True)
class Person:
    """One person of a scene.

    Args:
        shape: Proportions.
        outfit: Looks.
        pose: Angles in radians, (29,).
        relief: Standard normal relief of skin and clothes, (R, S); S sides per ring are drawn.
    """

    shape: BodyShape
    outfit: Outfit
    pose: np.ndarray
    relief: np.ndarray

    def stand(self, camera: 'Camera') -> Posture:
        """Bend the body into its pose, seen from ``camera``."""
        return pose_body(self.shape, self.pose, camera.view)


@dataclass(frozen=True)
class Canvas:
    """Picture under construction; the arrays are drawn on in place.

    Args:
        image: BGR uint8, (H, W, 3).
        owner: Number of the person seen at each pixel, 0 for none, uint8, (H, W).
        texture: Tile of grey noise around 128, uint8, larger than the picture.
    """

    image: np.ndarray
    owner: np.ndarray
    texture: np.ndarray


@dataclass(frozen=True)
class _Surface:
    """Faces to draw, farthest first: polygons, colours, brightness, depth and part of each."""

    polygons: np.ndarray
    colors: np.ndarray
    shades: np.ndarray
    depths: np.ndarray
    parts: np.ndarray


def project(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Project points (..., 3), in body heights around the pelvis, to pixels (..., 2)."""
    scale = camera.scale * camera.distance / (camera.distance - points[..., 2:])
    return camera.center + points[..., :2] * (1.0, -1.0) * scale


def _shade(normals: np.ndarray, to_camera: np.ndarray, light: Light) -> np.ndarray:
    """Light faces with unit ``normals`` (..., 3); ``to_camera`` is their cosine to the camera."""
    lamp = np.maximum(normals @ light.direction, 0)
    sky = 0.85 + 0.15 * normals[..., 1]
    return light.ambient * sky * (0.72 + 0.28 * to_camera) + light.diffuse * lamp


def _build_surface(person: Person, posture: Posture, camera: Camera, light: Light) -> _Surface:
    """List the faces that look at the camera."""
    sides = person.relief.shape[1]
    fit = person.outfit.fit()
    points = skin_rings(person.shape, fit, posture, person.relief)
    ring, turned = points[RINGS.first], np.roll(points[RINGS.first], -1, axis=1)
    upper = points[RINGS.first + 1]
    corners = np.stack([ring, turned, np.roll(upper, -1, axis=1), upper], axis=2)  # (F, S, 4, 3)
    head = posture.rotations[_HEAD], posture.origins[_HEAD]
    face = FACE_QUADS * person.shape.head @ head[0].T + head[1]
    corners = np.concatenate([corners.reshape(-1, 4, 3), face])
    outward = np.concatenate([np.repeat(RINGS.outward, sides), FACE_SIGNS])
    rows, features = person.outfit.paint_rows(sides), person.outfit.paint_face()
    colors = np.concatenate([rows.reshape(-1, 3), features])
    parts = np.repeat(RINGS.part[RINGS.first], sides)
    parts = np.concatenate([parts, np.full(len(face), PART_INDICES['head'])])
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals *= (outward / (np.linalg.norm(normals, axis=1) + 1e-12))[:, None]
    center = corners.mean(axis=1)
    ray = np.array([0, 0, camera.distance]) - center
    depths = np.linalg.norm(ray, axis=1)
    cosine = np.einsum('fi,fi->f', normals, ray) / depths
    depths[-len(face) :] -= _FACE_BIAS
    seen = np.flatnonzero((cosine > 0) & ~np.isnan(colors[:, 0]))
    seen = seen[np.argsort(-depths[seen], kind='stable')]
    shades = _shade(normals[seen], cosine[seen], light)
    polygons = project(corners[seen], camera)
    return _Surface(polygons, colors[seen], shades, depths[seen], parts[seen])


def _rasterize(polygons: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Draw the number of each polygon, from 1, over its predecessors: uint16, (H, W)."""
    numbers = np.zeros(size[::-1], np.uint16)
    fixed = np.rint(polygons * (1 << _SHIFT)).astype(np.int32)
    for number, polygon in enumerate(fixed, 1):
        cv2.fillConvexPoly(numbers, polygon, number, cv2.LINE_8, _SHIFT)
    return numbers


def draw_person(
    canvas: Canvas, person: Person, posture: Posture, camera: Camera, light: Light, number: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw one person over all that is on the canvas.

    Args:
        canvas: Changed in place; ``owner`` becomes ``number`` where the person is seen.
        person: Whom to draw.
        posture: The person bent, see :meth:`Person.stand`.
        camera: From where.
        light: Illumination.
        number: Mark of the person in ``owner``, 1 to 255.

    Returns:
        Joints (17, 2) in pixels, whether the body itself leaves each joint visible (17,), and the
        number of pixels drawn.
    """
    points = locate_joints(person.shape, posture)
    joints = project(points, camera)
    surface = _build_surface(person, posture, camera, light)
    height, width = canvas.owner.shape
    low = np.clip(np.floor(surface.polygons.min(axis=(0, 1))) - 3, 0, (width, height)).astype(int)
    high = np.clip(np.ceil(surface.polygons.max(axis=(0, 1))) + 4, 0, (width, height)).astype(int)
    if np.any(high - low < 2):
        return joints, np.zeros(17, bool), 0
    numbers = _rasterize(surface.polygons - low, tuple(high - low))
    depths = np.linalg.norm(points - (0, 0, camera.distance), axis=1)
    is_shown = _show_joints(joints - low, depths, numbers, surface)
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    mask = (numbers > 0).view(np.uint8)
    colors = _paint(numbers, surface, camera.scale, light, canvas.texture[window])
    _blend(canvas.image[window], colors, mask)
    cv2.copyTo(np.full_like(mask, number), mask, canvas.owner[window])
    return joints, is_shown, int(cv2.countNonZero(mask))


def _show_joints(
    joints: np.ndarray, depths: np.ndarray, numbers: np.ndarray, surface: _Surface
) -> np.ndarray:
    """Test which joints the body's own surface shows, (17,) bool.

    A joint shows where the nearest surface at its pixel, or at one of the four beside it, belongs
    to a part around the joint and lies no deeper above it than that part is thick.
    """
    height, width = numbers.shape
    pixels = np.rint(joints).astype(int)[:, None] + _NEIGHBOURS  # (17, 5, 2)
    is_inside = ((pixels >= 0) & (pixels < (width, height))).all(axis=-1)
    x, y = np.moveaxis(np.clip(pixels, 0, (width - 1, height - 1)), -1, 0)
    face = numbers[y, x].astype(int) - 1
    own = JOINT_PARTS[np.arange(17)[:, None], surface.parts[face]]
    near = depths[:, None] - surface.depths[face] < _JOINT_DEPTH[:, None]
    return (is_inside & (face >= 0) & own & near).any(axis=1)


def _paint(
    numbers: np.ndarray, surface: _Surface, scale: float, light: Light, texture: np.ndarray
) -> np.ndarray:
    """Colour the drawn faces: albedo x brightness x texture x nearness, BGR uint8, (H, W, 3)."""
    albedo = np.concatenate([np.zeros((1, 3)), surface.colors]).astype(np.uint8)
    shades = np.concatenate([[surface.shades.mean()], surface.shades])
    levels = np.clip(shades * 128, 0, 255).astype(np.uint8)
    smooth = 2 * int(0.008 * scale) + 1
    brightness = cv2.blur(np.take(levels, numbers), (smooth, smooth))
    brightness = cv2.multiply(brightness, texture, scale=1 / 128)
    brightness = cv2.multiply(brightness, _nearness(numbers, surface, scale, light), scale=1 / 128)
    return modulate(np.take(albedo, numbers, axis=0), brightness)


def _nearness(numbers: np.ndarray, surface: _Surface, scale: float, light: Light) -> np.ndarray:
    """Darken what lies behind its surroundings (ambient occlusion): 128 is unchanged.

    Returns:
        Factors, uint8, (H, W).
    """
    mean = surface.depths.mean()
    depths = np.take(np.concatenate([[mean], surface.depths]).astype(np.float32), numbers)
    side = 2 * int(0.035 * scale) + 1
    behind = cv2.subtract(depths, cv2.blur(depths, (side, side)))
    return cv2.addWeighted(behind, -128 * 4.0 * light.occlusion, behind, 0, 128, dtype=cv2.CV_8U)


def _blend(image: np.ndarray, colors: np.ndarray, mask: np.ndarray) -> None:
    """Copy ``colors`` where ``mask`` is set into ``image`` and soften contours, in place."""
    cv2.copyTo(colors, mask, image)
    soft = cv2.GaussianBlur(image, (3, 3), 0.6)
    cv2.copyTo(soft, cv2.dilate(mask, None), image)
