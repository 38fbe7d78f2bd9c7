"""Files: JPEG images, videos as folders of frames, COCO-style annotations."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

import cv2
from mmengine.logging import print_log

from posenas.datasets.synthetic.levels import LEVELS, draw_level_video
from posenas.datasets.synthetic.poses import POSE_SETS
from posenas.datasets.synthetic.scene import Annotation, Picture, Studio
from posenas.datasets.synthetic.video import draw_video
from posenas.skeletons import COCO
from posenas.utils.atomic_io import write_json
from posenas.utils.errors import ConfigError
from posenas.utils.new_folder import check_new_folder, new_folder
from posenas.utils.processes import can_share_memory, tie_to

IMAGE_ANNOTATIONS = 'annotations/person_keypoints.json'
VIDEO_ANNOTATIONS = 'annotations/person_keypoints_videos.json'

Row = dict[str, object]
#: Pictures that were drawn together, each with the rows of its people.
Part = list[tuple[Row, list[Row]]]


@dataclass(frozen=True)
class SyntheticSpec:
    """What is drawn.

    Args:
        num_images: Number of single images.
        num_videos: Number of videos.
        num_frames: Frames of each video.
        seed: Choice of the people and scenes; each image depends on (seed, its number) only.
        size: (width, height) in pixels.
        people: Mean number of people in an image, at least 1.
        poses: 'all', half of them acrobatic, or 'everyday', mostly upright.
        level: Difficulty of the videos, one of :data:`LEVELS`; '' gives slow, sharp videos whose
            boxes enclose what is seen.
    """

    num_images: int = 0
    num_videos: int = 0
    num_frames: int = 24
    seed: int = 0
    size: tuple[int, int] = (640, 480)
    people: float = 3.0
    poses: str = 'all'
    level: str = ''

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        rules = (
            ('num_images', self.num_images >= 0, 'at least 0'),
            ('num_videos', self.num_videos >= 0, 'at least 0'),
            ('num_images + num_videos', self.num_images + self.num_videos > 0, 'at least 1'),
            ('num_frames', self.num_frames >= 1, 'at least 1'),
            ('seed', self.seed >= 0, 'at least 0'),
            ('size', 64 <= min(self.size) <= max(self.size) <= 4096, '64 to 4096 on both sides'),
            ('people', 1 <= self.people <= 8, 'between 1 and 8'),
            ('poses', self.poses in POSE_SETS, f'one of {sorted(POSE_SETS)}'),
            ('level', self.level in ('', *LEVELS), f'one of {list(LEVELS)}, or empty'),
        )
        for name, holds, rule in rules:
            if not holds:
                raise ConfigError(f'{name} must be {rule}, got {getattr(self, name, 0)}')


def build_synthetic(
    out: str | Path,
    spec: SyntheticSpec,
    jobs: int = 1,
    on_progress: Callable[[int], object] | None = None,
) -> tuple[Path, ...]:
    """Draw a data set into a folder.

    Writes ``images/<number>.jpg`` and ``annotations/person_keypoints.json``, both in the layout of
    COCO; videos become ``videos/<number>/<frame>.jpg`` with ``vid_id``, ``frame_id`` and
    ``track_id`` in ``annotations/person_keypoints_videos.json``. Equal specs give equal files,
    byte for byte, whatever ``jobs``. A process that is killed leaves no folder, or a whole one.

    Args:
        out: Folder that does not exist or is empty.
        spec: What to draw.
        jobs: Processes that draw.
        on_progress: Called with a number of pictures each time so many are done.

    Returns:
        The annotation files.

    Raises:
        ConfigError: ``jobs`` is less than 1.
        OutputError: The folder holds files or is a file, or a file cannot be written.
    """
    if jobs < 1:
        raise ConfigError(f'jobs must be at least 1, got {jobs}')
    out = Path(out)
    check_new_folder(out)
    tasks = (
        (IMAGE_ANNOTATIONS, _write_image, spec.num_images),
        (VIDEO_ANNOTATIONS, _write_video, spec.num_videos),
    )
    with new_folder(out, last='annotations') as draft:
        _make_folders(draft, spec)
        with _open_pool(jobs) as run:
            for name, draw, count in tasks:
                if count:
                    parts = run(partial(draw, draft, spec), range(count))
                    write_json(draft / name, _collect(spec, parts, on_progress))
    return tuple(out / name for name, _, count in tasks if count)


@contextmanager
def _open_pool(jobs: int) -> Iterator[Callable[..., Iterator[Part]]]:
    """Offer a ``map`` that keeps the order, over ``jobs`` processes or in this one."""
    if jobs > 1 and not can_share_memory():
        print_log('one process instead of several: this machine has no /dev/shm', 'current')
        jobs = 1
    if jobs == 1:
        yield map
        return
    # a worker that waits for work does not notice that its parent was killed
    pool = ProcessPoolExecutor(jobs, initializer=tie_to, initargs=(os.getpid(),))
    try:
        yield partial(pool.map, chunksize=4)
    finally:
        pool.shutdown(cancel_futures=True)


def _make_folders(out: Path, spec: SyntheticSpec) -> None:
    (out / 'annotations').mkdir()
    if spec.num_images:
        (out / 'images').mkdir()
    for index in range(spec.num_videos):
        (out / 'videos' / f'{index:06d}').mkdir(parents=True)


@cache
def _build_studio(size: tuple[int, int], people: float, poses: str) -> Studio:
    """Make the tiles once per process."""
    return Studio.build(size, people, poses)


def _write_image(out: Path, spec: SyntheticSpec, index: int) -> Part:
    """Draw and store one image."""
    picture = _build_studio(spec.size, spec.people, spec.poses).draw_image(spec.seed, index)
    name = f'{index:06d}.jpg'
    return [_store(out / 'images' / name, name, picture)]


def _write_video(out: Path, spec: SyntheticSpec, index: int) -> Part:
    """Draw and store the frames of one video."""
    studio = _build_studio(spec.size, spec.people, spec.poses)
    part = []
    if spec.level:
        pictures = draw_level_video(studio, LEVELS[spec.level], spec.seed, index, spec.num_frames)
    else:
        pictures = draw_video(studio, spec.seed, index, spec.num_frames)
    for frame, picture in enumerate(pictures):
        name = f'{index:06d}/{frame:06d}.jpg'
        image, people = _store(out / 'videos' / name, name, picture)
        image.update(vid_id=index + 1, frame_id=frame, nframes=spec.num_frames, is_labeled=True)
        part.append((image, people))
    return part


def _store(path: Path, name: str, picture: Picture) -> tuple[Row, list[Row]]:
    """Write one JPEG and list it with its people; numbers follow in :func:`_collect`."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, picture.quality]
    path.write_bytes(cv2.imencode('.jpg', picture.image, quality)[1].tobytes())
    height, width = picture.image.shape[:2]
    image = dict(file_name=name, width=width, height=height)
    return image, [_describe(annotation) for annotation in picture.annotations]


def _describe(annotation: Annotation) -> Row:
    """Turn one person into a row of COCO's annotations."""
    keypoints = annotation.keypoints
    flat = [
        value
        for x, y, flag in keypoints.tolist()
        for value in (round(x, 2), round(y, 2), int(flag))
    ]
    return dict(
        category_id=1,
        iscrowd=0,
        track_id=annotation.track,
        bbox=list(annotation.bbox),
        area=annotation.area,
        num_keypoints=int((keypoints[:, 2] > 0).sum()),
        keypoints=flat,
        segmentation=[],
    )


def _collect(
    spec: SyntheticSpec, parts: Iterable[Part], on_progress: Callable[[int], object] | None
) -> Row:
    """Number the rows of all parts and complete them to a COCO file."""
    images: list[Row] = []
    annotations: list[Row] = []
    for part in parts:
        for image, people in part:
            images.append(dict(id=len(images) + 1, **image))
            for person in people:
                numbers = dict(id=len(annotations) + 1, image_id=len(images))
                annotations.append(numbers | person)
        if on_progress is not None:
            on_progress(len(part))
    person = dict(
        id=1,
        name='person',
        supercategory='person',
        keypoints=list(COCO.joint_names),
        skeleton=[[first + 1, second + 1] for first, second in COCO.limbs],
    )
    settings = {name: value for name, value in asdict(spec).items() if value != ''}
    return dict(
        info=dict(description='posenas synthetic people', **settings),
        licenses=[],
        images=images,
        annotations=annotations,
        categories=[person],
    )
