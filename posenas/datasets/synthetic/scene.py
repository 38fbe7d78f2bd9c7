"""Scenes: who stands where, drawn from far to near, and what is seen of everybody."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from posenas.datasets.synthetic.appearance import Outfit
from posenas.datasets.synthetic.background import draw_background, make_texture, modulate
from posenas.datasets.synthetic.body import BodyShape, Posture, locate_joints, rotation_xzy
from posenas.datasets.synthetic.mesh import RINGS
from posenas.datasets.synthetic.photo import Photo
from posenas.datasets.synthetic.poses import sample_pose
from posenas.datasets.synthetic.render import Camera, Canvas, Light, Person, draw_person, project
from posenas.datasets.synthetic.things import draw_obstacle
from posenas.utils.randomness import Stream, make_generator

_MAX_PEOPLE = 12
_MIN_AREA = 60  # pixels; people seen less, or less than a twelfth of themselves, stay unlabelled
_MIN_SHARE = 1 / 12
_BODY_MARGIN = 0.07  # flesh around the joints, body heights


@dataclass(frozen=True)
class Actor:
    """One person in a scene.

    Args:
        person: Body, clothes and pose.
        posture: The body bent into the pose.
        camera: Where the camera sees the person.
        track: Number of the person in the scene, from 1.
        shadow: Darkness of the shadow on the ground, in [0, 1].
        obstacle: Seed of a thing before the person; None for none.
        obstacle_box: Where the thing may stand, (x1, y1, x2, y2) in pixels.
    """

    person: Person
    posture: Posture
    camera: Camera
    track: int
    shadow: float
    obstacle: int | None
    obstacle_box: np.ndarray


@dataclass(frozen=True)
class Thing:
    """Something before all people.

    Args:
        seed: Of its looks.
        box: Where it may stand, (x1, y1, x2, y2) in pixels.
    """

    seed: int
    box: np.ndarray


@dataclass(frozen=True)
class Labelling:
    """Who is labelled, and how.

    Args:
        min_share: Least share of a person that must be seen.
        whole_boxes: Whether boxes enclose the whole body within the picture, whatever hides it,
            instead of what is seen.
    """

    min_share: float = _MIN_SHARE
    whole_boxes: bool = False


_SEEN = Labelling()


@dataclass(frozen=True)
class Annotation:
    """What is seen of one person.

    Args:
        keypoints: COCO-17 joints as (x, y, v), (17, 3): v is 2 visible, 1 hidden, 0 outside.
        bbox: Smallest box around the visible pixels, or around the whole body, (x, y, w, h).
        area: Number of visible pixels.
        track: Number of the person in the scene, from 1.
    """

    keypoints: np.ndarray
    bbox: tuple[int, int, int, int]
    area: int
    track: int


@dataclass(frozen=True)
class Picture:
    """A finished picture.

    Args:
        image: BGR uint8, (H, W, 3).
        quality: JPEG quality it shall be stored with.
        annotations: People that are seen, in the order of their tracks.
    """

    image: np.ndarray
    quality: int
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True)
class Studio:
    """What all pictures share.

    Args:
        size: (width, height) of the pictures in pixels.
        people: Mean number of people in a picture, at least 1.
        poses: What they do, one of ``poses.POSE_SETS``.
        texture: Tile of grey noise around 128, uint8.
        grain: Tile of the camera's noise, deviation 32 around 128, uint8, (N, N, 3).
    """

    size: tuple[int, int]
    people: float
    poses: str
    texture: np.ndarray
    grain: np.ndarray

    @classmethod
    def build(cls, size: tuple[int, int], people: float, poses: str = 'all') -> 'Studio':
        """Make the tiles, always the same ones."""
        rng = make_generator(Stream.TEXTURES, 0)
        side = max(*size, 512) * 3 // 2
        noise = 26 * rng.standard_normal((side, side, 3), dtype=np.float32)
        noise += 18 * rng.standard_normal((side, side, 1), dtype=np.float32)
        grain = np.clip(128 + noise, 0, 255).astype(np.uint8)
        return cls(size, people, poses, make_texture(rng, side), grain)

    def draw_image(self, seed: int, index: int) -> Picture:
        """Draw picture ``index`` of the set ``seed``; it depends on nothing else."""
        rng = make_generator(Stream.SCENE, seed, index)
        light, photo = Light.sample(rng), Photo.sample(rng)
        image = draw_background(rng, crop_tile(rng, self.texture, self.size))
        actors = sample_actors(rng, self.size, self.people, self.poses)
        return self.photograph(image, actors, light, photo, rng)

    def photograph(
        self,
        image: np.ndarray,
        actors: Iterable[Actor],
        light: Light,
        photo: Photo,
        rng: np.random.Generator,
    ) -> Picture:
        """Draw ``actors`` over ``image`` (in place) and photograph the scene."""
        owner = np.zeros(image.shape[:2], np.uint8)
        canvas = Canvas(image, owner, crop_tile(rng, self.texture, self.size))
        annotations = draw_actors(canvas, actors, light)
        taken = photo.take(image, crop_tile(rng, self.grain, self.size))
        return Picture(taken, photo.quality, annotations)


def crop_tile(rng: np.random.Generator, tile: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut a window of ``size`` (width, height) out of ``tile`` (N, N, ...) at a random place.

    A tile that is too small goes on mirrored.
    """
    lacking = max(*size, tile.shape[0]) - tile.shape[0]
    if lacking:
        tile = np.pad(tile, [(0, lacking)] * 2 + [(0, 0)] * (tile.ndim - 2), mode='symmetric')
    x, y = rng.integers(0, tile.shape[0] - np.array(size) + 1)
    return tile[y : y + size[1], x : x + size[0]]


def sample_actors(
    rng: np.random.Generator, size: tuple[int, int], people: float, poses: str = 'all'
) -> list[Actor]:
    """Cast the people of a scene.

    Args:
        rng: Source of all choices.
        size: (width, height) of the picture in pixels.
        people: Mean number of people, at least 1.
        poses: What they do, one of ``poses.POSE_SETS``.
    """
    count = min(1 + int(rng.poisson(people - 1)), _MAX_PEOPLE)
    tilt = np.array([rng.normal(0.12, 0.22), rng.normal(0, 0.07), 0.0])
    base = np.exp(rng.uniform(np.log(0.24), np.log(1.05))) * size[1]
    actors: list[Actor] = []
    boxes: list[np.ndarray] = []
    for track in range(1, count + 1):
        shape = BodyShape.sample(rng)
        scale = float(np.clip(base * np.exp(rng.normal(0, 0.3)), 0.15 * size[1], 1.6 * size[1]))
        sides = 8 if scale < 130 else 12 if scale < 280 else 16
        person = Person(
            shape,
            Outfit.sample(rng, shape.is_female),
            sample_pose(rng, poses),
            rng.standard_normal((len(RINGS.part), sides)),
        )
        view = rotation_xzy(tilt + rng.normal(0, 0.05, 3) * (1, 0.5, 0))
        camera = Camera(
            view, float(np.exp(rng.uniform(np.log(1.8), np.log(9)))), scale, np.zeros(2)
        )
        posture = person.stand(camera)
        camera, box = _place(rng, locate_joints(shape, posture), camera, boxes, size)
        boxes.append(box)
        actors.append(
            Actor(
                person,
                posture,
                camera,
                track,
                shadow=float(rng.uniform(0.15, 0.7)) * (rng.random() < 0.6),
                obstacle=int(rng.integers(2**31)) if rng.random() < 0.25 else None,
                obstacle_box=box,
            )
        )
    return actors


def _place(
    rng: np.random.Generator,
    points: np.ndarray,
    camera: Camera,
    others: Sequence[np.ndarray],
    size: tuple[int, int],
) -> tuple[Camera, np.ndarray]:
    """Choose where a person with joints at ``points`` (17, 3) stands in the picture.

    Mostly the whole body is inside, mostly beside the others.

    Returns:
        The camera with its centre, and the body's box (x1, y1, x2, y2) in pixels.
    """
    joints = project(points, camera)
    margin = _BODY_MARGIN * camera.scale
    box = np.concatenate([joints.min(axis=0) - margin, joints.max(axis=0) + margin])
    frame = np.array(size, float)
    low, high = -box[:2], frame - box[2:]  # shifts that keep the body inside
    fits = (low < high) & (rng.random() < 0.75)
    middle = 0.5 * (box[:2] + box[2:])
    loose = rng.random((4, 2)) * frame * 0.9 + 0.05 * frame - middle
    tight = low + rng.random((4, 2)) * (high - low)
    shifts = np.where(fits, tight, loose)
    candidates = box + np.tile(shifts, 2)
    crowding = [sum(_overlap(candidate, other) for other in others) for candidate in candidates]
    best = int(np.argmin(crowding)) if rng.random() < 0.75 else 0
    return Camera(camera.view, camera.distance, camera.scale, shifts[best]), candidates[best]


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Area common to two boxes, relative to the smaller."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    smaller = min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2]))
    return float(np.prod(np.maximum(sides, 0)) / smaller)


def draw_actors(
    canvas: Canvas,
    actors: Iterable[Actor],
    light: Light,
    things: Iterable[Thing] = (),
    labelling: Labelling = _SEEN,
) -> tuple[Annotation, ...]:
    """Draw people and the things before them, far ones first, in place.

    Args:
        canvas: What is drawn on.
        actors: The people.
        light: Illumination.
        things: What stands before all of them.
        labelling: Who is labelled.

    Returns:
        Annotations of those that are seen, in the order of their tracks.
    """
    drawn = []
    for actor in sorted(actors, key=lambda actor: actor.camera.scale):
        if actor.shadow:
            _drop_shadow(canvas.image, actor)
        truth = draw_person(canvas, actor.person, actor.posture, actor.camera, light, actor.track)
        margin = _BODY_MARGIN * actor.camera.scale if labelling.whole_boxes else None
        drawn.append((actor.track, *truth, margin))
        if actor.obstacle is not None:
            rng = make_generator(Stream.OBSTACLE, actor.obstacle)
            draw_obstacle(canvas.image, canvas.owner, rng, actor.obstacle_box)
    for thing in things:
        rng = make_generator(Stream.OBSTACLE, thing.seed)
        draw_obstacle(canvas.image, canvas.owner, rng, thing.box)
    drawn.sort(key=lambda item: item[0])
    annotations = (_annotate(canvas.owner, labelling.min_share, *truth) for truth in drawn)
    return tuple(annotation for annotation in annotations if annotation is not None)


def _drop_shadow(image: np.ndarray, actor: Actor) -> None:
    """Darken the ground under the lowest joints, in place."""
    joints = project(locate_joints(actor.person.shape, actor.posture), actor.camera)
    scale = actor.camera.scale
    low = joints[joints[:, 1] > joints[:, 1].max() - 0.12 * scale]
    x, y = low.mean(axis=0)
    axes = np.array([0.5 * np.ptp(low[:, 0]) + 0.14 * scale, 0.05 * scale])
    corner = np.maximum(np.floor((x, y + 0.03 * scale) - 1.6 * axes), 0).astype(int)
    end = np.maximum(np.ceil((x, y + 0.03 * scale) + 1.6 * axes), 0).astype(int)
    part = image[corner[1] : end[1], corner[0] : end[0]]
    if part.size == 0:
        return
    mask = np.full(part.shape[:2], 128, np.uint8)
    center = (round(x - corner[0]), round(y + 0.03 * scale - corner[1]))
    cv2.ellipse(
        mask, center, tuple(axes.astype(int).tolist()), 0, 0, 360, int(128 * (1 - actor.shadow)), -1
    )
    side = 2 * int(0.02 * scale) + 1
    mask = cv2.blur(mask, (side, side))
    part[:] = modulate(part, mask)


def _annotate(
    owner: np.ndarray,
    min_share: float,
    track: int,
    joints: np.ndarray,
    is_shown: np.ndarray,
    drawn: int,
    margin: float | None,
) -> Annotation | None:
    """Describe what the finished picture shows of one person; None when it is too little.

    Args:
        owner: Person seen at each pixel, (H, W).
        min_share: Least share of the person that must be seen.
        track: Number of the person.
        joints: Keypoints (17, 2), pixels.
        is_shown: Whether the body itself leaves each of them visible (17,).
        drawn: Pixels of the person before others were drawn.
        margin: By how much the box exceeds the keypoints, pixels; None: it is that of the visible
            pixels.
    """
    mask = cv2.inRange(owner, track, track)
    area = cv2.countNonZero(mask)
    if area < max(_MIN_AREA, drawn * min_share):
        return None
    height, width = owner.shape
    x, y = np.rint(joints).astype(int).T
    is_inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    near = cv2.dilate(mask, None)  # a joint at the contour still counts as seen
    is_seen = is_shown & (near[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)] > 0)
    visible = np.where(is_inside, np.where(is_seen, 2, 1), 0)
    keypoints = np.column_stack([np.where(is_inside[:, None], joints, 0), visible])
    bbox = cv2.boundingRect(mask) if margin is None else _enclose(joints, margin, width, height)
    return Annotation(keypoints, tuple(bbox), area, track)


def _enclose(joints: np.ndarray, margin: float, width: int, height: int) -> list[int]:
    """Return left, top, width, height of the part of a body that lies in the picture."""
    low = np.clip(np.floor(joints.min(axis=0) - margin), 0, (width - 1, height - 1))
    high = np.clip(np.ceil(joints.max(axis=0) + margin), low + 1, (width, height))
    return [*low.astype(int).tolist(), *(high - low).astype(int).tolist()]
