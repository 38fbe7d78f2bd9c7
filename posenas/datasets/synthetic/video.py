"""Short videos: people move from pose to pose while the camera pans and zooms."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from posenas.datasets.synthetic.background import draw_background
from posenas.datasets.synthetic.photo import Photo
from posenas.datasets.synthetic.poses import mirror_pose, sample_pose
from posenas.datasets.synthetic.render import Light
from posenas.datasets.synthetic.scene import Actor, Picture, Studio, crop_tile, sample_actors
from posenas.utils.randomness import Stream, make_generator

_FRAMES_PER_POSE = (10, 22)  # frames from one key pose to the next
_MARGIN = 1.3  # background beyond the picture, for the camera's way


@dataclass(frozen=True)
class Motion:
    """Way of one actor: key poses (N, 29) at frames (N,), pixels per frame, growth per frame."""

    poses: np.ndarray
    frames: np.ndarray
    drift: np.ndarray
    growth: float

    @classmethod
    def sample(
        cls, rng: np.random.Generator, actor: Actor, num_frames: int, poses: str
    ) -> 'Motion':
        """Draw a way: half of the people repeat a pose and its mirror image, as walkers do."""
        steps = rng.integers(*_FRAMES_PER_POSE, size=num_frames // _FRAMES_PER_POSE[0] + 2)
        pose = actor.person.pose
        keys = [pose]
        repeats = rng.random() < 0.5
        for _ in range(len(steps) - 1):
            if repeats:
                pose = mirror_pose(pose)
                pose[0] = keys[0][0]
            else:
                pose = pose + rng.uniform(0.2, 0.7) * _towards(pose, sample_pose(rng, poses), rng)
            keys.append(pose)
        return cls(
            np.stack(keys),
            np.cumsum(steps) - steps[0] - rng.integers(0, steps[0]),
            rng.normal(0, 0.006, 2) * (1, 0.3) * actor.camera.scale,
            rng.normal(0, 0.003),
        )

    def move(
        self, actor: Actor, frame: float, camera: 'CameraWay', time: float | None = None
    ) -> Actor:
        """Put the actor where the camera sees it.

        Args:
            actor: Whom to move.
            frame: How far the actor has come, frames.
            camera: Who looks.
            time: When, frames; None is the same.
        """
        time = frame if time is None else time
        pose = _glide(self.poses, self.frames, frame)
        center, zoom = camera.see(actor.camera.center + frame * self.drift, time)
        scale = actor.camera.scale * zoom * np.exp(self.growth * frame)
        corners = actor.obstacle_box.reshape(2, 2) + frame * self.drift
        person = replace(actor.person, pose=pose)
        view = replace(actor.camera, center=center, scale=scale)
        return replace(
            actor,
            person=person,
            posture=person.stand(view),
            camera=view,
            obstacle_box=camera.see(corners, time)[0].ravel(),
        )


@dataclass(frozen=True)
class CameraWay:
    """Way of the camera: sway (2,) in pixels and zoom, one slow wave of ``period`` frames.

    A shake (2,) in pixels is added where somebody sets it.
    """

    middle: np.ndarray
    sway: np.ndarray
    zoom: float
    period: float
    phase: float
    shake: np.ndarray | float = 0.0

    @classmethod
    def sample(cls, rng: np.random.Generator, size: tuple[int, int]) -> 'CameraWay':
        """Draw the camera's way."""
        extent = np.array(size, float)
        return cls(
            0.5 * extent,
            rng.uniform(-0.06, 0.06, 2) * extent,
            rng.uniform(-0.08, 0.08),
            rng.uniform(40, 90),
            rng.uniform(0, 2 * np.pi),
        )

    def see(self, point: np.ndarray, frame: float) -> tuple[np.ndarray, float]:
        """Return where points (..., 2) of the scene are seen and how much it is enlarged."""
        wave = np.sin(self.phase + 2 * np.pi * frame / self.period)
        zoom = float(np.exp(self.zoom * wave))
        return (point - self.middle) * zoom + self.middle + wave * self.sway + self.shake, zoom


def _towards(pose: np.ndarray, goal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Difference of two poses with at most an eighth of a turn of the whole body."""
    step = goal - pose
    step[:3] = np.clip(step[:3], -0.5, 0.5)
    step[0] = rng.normal(0, 0.4)
    return step


def _glide(values: np.ndarray, frames: np.ndarray, frame: float) -> np.ndarray:
    """Interpolate rows of ``values`` (N, D) at ``frames`` (N,) with rest at every key."""
    last = int(np.clip(np.searchsorted(frames, frame, side='right'), 1, len(frames) - 1))
    start, stop = frames[last - 1], frames[last]
    share = np.clip((frame - start) / (stop - start), 0, 1)
    share = share * share * (3 - 2 * share)
    return values[last - 1] + share * (values[last] - values[last - 1])


def draw_video(studio: Studio, seed: int, index: int, num_frames: int) -> Iterator[Picture]:
    """Draw video ``index`` of the set ``seed`` frame by frame; it depends on nothing else."""
    rng = make_generator(Stream.VIDEO, seed, index)
    light, photo = Light.sample(rng), Photo.sample(rng)
    width, height = studio.size
    wide = (round(width * _MARGIN), round(height * _MARGIN))
    background = draw_background(rng, crop_tile(rng, studio.texture, wide))
    way = CameraWay.sample(rng, studio.size)
    actors = sample_actors(rng, studio.size, studio.people, studio.poses)
    motions = [Motion.sample(rng, actor, num_frames, studio.poses) for actor in actors]
    corner = 0.5 * (np.array(studio.size) - wide)
    for frame in range(num_frames):
        offset, zoom = way.see(corner, frame)
        matrix = np.array([[zoom, 0, offset[0]], [0, zoom, offset[1]]])
        image = cv2.warpAffine(background, matrix, studio.size, borderMode=cv2.BORDER_REFLECT_101)
        moved = [
            motion.move(actor, frame, way) for actor, motion in zip(actors, motions, strict=True)
        ]
        yield studio.photograph(image, moved, light, photo, rng)
