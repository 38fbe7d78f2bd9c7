"""Videos of three levels of difficulty: what makes the frame before worth something."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import cv2
import numpy as np

from posenas.datasets.synthetic.background import draw_background
from posenas.datasets.synthetic.photo import Photo
from posenas.datasets.synthetic.render import Canvas, Light
from posenas.datasets.synthetic.scene import (
    Actor,
    Annotation,
    Labelling,
    Picture,
    Studio,
    Thing,
    crop_tile,
    draw_actors,
    sample_actors,
)
from posenas.datasets.synthetic.video import CameraWay, Motion
from posenas.utils.randomness import Stream, make_generator

_MARGIN = 1.6  # background beyond the picture, for the camera's way
#: People are labelled as long as a fiftieth of them is seen; boxes are those of whole bodies.
_LABELLING = Labelling(min_share=0.02, whole_boxes=True)


@dataclass(frozen=True)
class VideoLevel:
    """How hard the frames of a video are on their own.

    Attributes:
        number: Part of the address of its random numbers.
        speed: Factor on all motion of people.
        exposure: Share of the time between two frames during which the picture blurs.
        num_exposures: Renderings that the blur is averaged of, odd.
        crossing: Probability that a person walks across the picture, in at one side and out at the
            other, past people who stay.
        things: Mean number of things in a video that pass before the people.
        sway: Factor on the slow motion of the camera.
        shake: Deviation of the camera's place from frame to frame, fraction of the picture.
        shrink: Lowest and highest resolution, fraction of that of the picture.
        quality: Lowest and highest JPEG quality.
    """

    number: int
    speed: float
    exposure: float
    num_exposures: int
    crossing: float
    things: float
    sway: float
    shake: float
    shrink: tuple[float, float]
    quality: tuple[int, int]


#: Name -> level, the easiest first.
LEVELS: Mapping[str, VideoLevel] = MappingProxyType(
    dict(
        easy=VideoLevel(1, 1.0, 0.0, 1, 0.15, 0.3, 1.0, 0.0, (0.9, 1.0), (80, 95)),
        medium=VideoLevel(2, 1.5, 0.5, 3, 0.4, 1.5, 1.5, 0.003, (0.4, 0.8), (60, 90)),
        hard=VideoLevel(3, 2.2, 0.9, 5, 0.6, 3.0, 2.0, 0.008, (0.2, 0.45), (40, 80)),
    )
)


@dataclass(frozen=True)
class _Passer:
    """Thing on its way across the picture: seed, box (4,) at ``time``, pixels per frame (2,)."""

    seed: int
    box: np.ndarray
    time: float
    velocity: np.ndarray

    def at(self, time: float, camera: CameraWay) -> Thing:
        """Return where the thing is seen."""
        corners = self.box.reshape(2, 2) + (time - self.time) * self.velocity
        return Thing(self.seed, camera.see(corners, time)[0].ravel())


@dataclass(frozen=True)
class _Script:
    """All that happens in a video."""

    background: np.ndarray
    texture: np.ndarray
    light: Light
    photo: Photo
    camera: CameraWay
    shake: np.ndarray
    actors: tuple[Actor, ...]
    motions: tuple[Motion, ...]
    passers: tuple[_Passer, ...]


def draw_level_video(
    studio: Studio, level: VideoLevel, seed: int, index: int, num_frames: int
) -> Iterator[Picture]:
    """Draw video ``index`` of the set ``seed`` frame by frame; it depends on nothing else.

    Keypoints are those of the middle of the exposure; boxes enclose the whole body, whatever hides
    it, as far as the picture reaches.
    """
    rng = make_generator(Stream.LEVEL_VIDEO, seed, level.number, index)
    script = _write_script(rng, studio, level, num_frames)
    offsets = np.arange(level.num_exposures) - level.num_exposures // 2
    times = level.exposure * offsets / level.num_exposures
    for frame in range(num_frames):
        total = np.zeros((studio.size[1], studio.size[0], 3), np.float32)
        annotations: tuple[Annotation, ...] = ()
        for offset in times.tolist():
            image, found = _render(studio, level, script, frame, offset)
            total += image
            annotations = found if offset == 0 else annotations
        blurred = np.rint(total / len(times)).astype(np.uint8)
        taken = script.photo.take(blurred, crop_tile(rng, studio.grain, studio.size))
        yield Picture(taken, script.photo.quality, annotations)


def _write_script(
    rng: np.random.Generator, studio: Studio, level: VideoLevel, num_frames: int
) -> _Script:
    """Draw all that is random in a video but the noise of its frames."""
    light, photo = Light.sample(rng), Photo.sample(rng)
    quality = int(rng.integers(level.quality[0], level.quality[1] + 1))
    photo = replace(photo, shrink=float(rng.uniform(*level.shrink)), quality=quality)
    width, height = studio.size
    wide = (round(width * _MARGIN), round(height * _MARGIN))
    background = draw_background(rng, crop_tile(rng, studio.texture, wide))
    camera = CameraWay.sample(rng, studio.size)
    camera = replace(camera, sway=level.sway * camera.sway, zoom=level.sway * camera.zoom)
    shake = rng.normal(0, level.shake, (num_frames + 2, 2)) * studio.size
    actors = sample_actors(rng, studio.size, studio.people, studio.poses)
    length = int(np.ceil(num_frames * level.speed)) + 2
    cast = [
        _cross(rng, actor, Motion.sample(rng, actor, length, studio.poses), studio, level, length)
        for actor in actors
    ]
    boxes = [actor.obstacle_box for actor in actors]
    passers = [
        _send_thing(rng, boxes, studio.size, num_frames) for _ in range(rng.poisson(level.things))
    ]
    return _Script(
        background=background,
        texture=crop_tile(rng, studio.texture, studio.size),
        light=light,
        photo=photo,
        camera=camera,
        shake=shake,
        actors=tuple(actor for actor, _ in cast),
        motions=tuple(motion for _, motion in cast),
        passers=tuple(passers),
    )


def _cross(
    rng: np.random.Generator,
    actor: Actor,
    motion: Motion,
    studio: Studio,
    level: VideoLevel,
    length: int,
) -> tuple[Actor, Motion]:
    """Let an actor walk across the picture, being at its place at some time of the video."""
    if rng.random() >= level.crossing:
        return actor, motion
    way = rng.choice((-1, 1)) * rng.uniform(0.8, 1.6) * studio.size[0]
    drift = np.array([way / length, rng.normal(0, 0.1) * abs(way) / length])
    back = rng.uniform(0, length) * drift
    camera = replace(actor.camera, center=actor.camera.center - back)
    box = actor.obstacle_box - np.tile(back, 2)
    return replace(actor, camera=camera, obstacle_box=box), replace(motion, drift=drift)


def _send_thing(
    rng: np.random.Generator,
    boxes: list[np.ndarray],
    size: tuple[int, int],
    num_frames: int,
) -> _Passer:
    """Send a thing past one of the people, hiding it for some frames."""
    box = boxes[int(rng.integers(len(boxes)))]
    extent = box[2:] - box[:2]
    grow = np.concatenate([-extent, extent]) * rng.uniform(0, 0.4)
    frames = rng.uniform(4, 14)  # in which the thing passes the width of the person
    velocity = rng.choice((-1, 1)) * np.array([extent[0], rng.normal(0, 0.2) * extent[1]]) / frames
    velocity = np.clip(velocity, -0.2 * size[0], 0.2 * size[0])
    return _Passer(int(rng.integers(2**31)), box + grow, rng.uniform(0, num_frames), velocity)


def _render(
    studio: Studio, level: VideoLevel, script: _Script, frame: int, offset: float
) -> tuple[np.ndarray, tuple[Annotation, ...]]:
    """Render the scene at the time ``frame + offset``, and say what is seen."""
    time = frame + offset
    size = np.array(studio.size)
    share = offset if offset >= 0 else 1 + offset
    base = frame if offset >= 0 else frame - 1
    shake = (1 - share) * script.shake[base + 1] + share * script.shake[base + 2]
    shaken = replace(script.camera, shake=shake)
    corner = 0.5 * (size - script.background.shape[1::-1])
    place, zoom = shaken.see(corner, time)
    matrix = np.array([[zoom, 0, place[0]], [0, zoom, place[1]]])
    image = cv2.warpAffine(
        script.background, matrix, studio.size, borderMode=cv2.BORDER_REFLECT_101
    )
    pairs = zip(script.actors, script.motions, strict=True)
    moved = [motion.move(actor, level.speed * time, shaken, time) for actor, motion in pairs]
    things = [passer.at(time, shaken) for passer in script.passers]
    canvas = Canvas(image, np.zeros(image.shape[:2], np.uint8), script.texture)
    return image, draw_actors(canvas, moved, script.light, things, _LABELLING)
