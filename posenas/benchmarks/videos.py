"""Speed and memory of ``posenas infer`` on videos, stage by stage."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from posenas.apis import PoseInferencer
from posenas.benchmarks.runtime_forms import read_memory_mb
from posenas.datasets.frames import FrameReader
from posenas.datasets.synthetic.scene import Studio
from posenas.datasets.synthetic.video import draw_video
from posenas.utils.timing import use_threads

#: Share of the frames after which memory is compared with that at the end.
_WARM_UP = 0.1


@dataclass(frozen=True)
class VideoCost:
    """What a video costs.

    Attributes:
        num_frames: Frames looked at.
        num_people: People in all of them.
        frames_per_second: End to end, files written.
        seconds: Stage -> time at work, without waiting for other stages.
        cpu_seconds: Processor time of the whole process.
        wall: Time from the first frame to the last, seconds.
        bound: The larger of the slowest stage and the processor time divided by the cores.
        memory_mb: Memory of the process after the first tenth of the frames, and at the end.
    """

    num_frames: int
    num_people: int
    frames_per_second: float
    seconds: dict[str, float]
    cpu_seconds: float
    wall: float
    bound: float
    memory_mb: tuple[float, float]

    @property
    def ratio(self) -> float:
        """Time from the first frame to the last, in units of the lower bound."""
        return self.wall / self.bound

    @property
    def growth(self) -> float:
        """Growth of the memory after the first tenth, percent."""
        return 100 * (self.memory_mb[1] / self.memory_mb[0] - 1)


def benchmark_videos(
    config: str,
    checkpoint: str | None = None,
    video: str | Path | None = None,
    det_weights: str | None = None,
    people: Sequence[int] = (1, 3, 10),
    num_frames: int = 200,
    batch_size: int = 8,
    threads: int = 1,
    track: bool = False,
) -> list[VideoCost]:
    """Look at a video once for each number of people.

    Args:
        config: Config or name of a network.
        checkpoint: Its weights; None takes those that come with the library, or draws them.
        video: Video file; None renders synthetic people.
        det_weights: Detector that finds people, instead of the numbers of ``people``.
        people: Boxes in each frame.
        num_frames: Frames of each run.
        batch_size: Images at once.
        threads: Threads of each network.
        track: Whether people are followed.
    """
    options = dict(batch_size=batch_size, track=track)
    with use_threads(threads), TemporaryDirectory() as folder:
        inferencer = PoseInferencer(config, checkpoint, 'cpu', det_weights=det_weights)
        if video is None:
            video = Path(folder, 'people.mp4')
            render_video(video)
        counts = people if det_weights is None else [None]
        return [measure_video(inferencer, video, num_frames, n, **options) for n in counts]


def measure_video(
    inferencer: PoseInferencer,
    video: str | Path,
    num_frames: int = 200,
    num_people: int | None = None,
    batch_size: int = 8,
    **options: object,
) -> VideoCost:
    """Look at a video, over and over until it has so many frames, and write the results.

    Args:
        inferencer: What looks.
        video: Video file.
        num_frames: Frames to look at.
        num_people: People with random boxes in each frame; None lets the detector find them.
        batch_size: Images at once.
        **options: Further ones of :meth:`PoseInferencer.predict`.
    """
    reader = FrameReader(video)
    boxes = None if num_people is None else _draw_boxes(reader.read(reader.numbers[0]), num_people)
    warm_up = islice(_loop(reader), batch_size)
    list(inferencer.predict(warm_up, boxes, batch_size=batch_size, **options))
    memory, marks = [], {max(1, round(_WARM_UP * num_frames)), num_frames}
    with TemporaryDirectory() as folder:
        start, cpu_start = time.perf_counter(), time.process_time()
        frames = islice(_loop(reader), num_frames)
        results = inferencer.predict(
            frames, boxes, batch_size=batch_size, out_dir=folder, **options
        )
        for number, _ in enumerate(results, 1):
            if number in marks:
                memory.append(read_memory_mb())
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    report = inferencer.report
    seconds = report.clock.seconds
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    bound = max(*seconds.values(), cpu / (cores or 1))
    return VideoCost(
        report.num_images,
        report.num_people,
        report.num_images / wall,
        dict(seconds),
        cpu,
        wall,
        bound,
        (memory[0], memory[-1]),
    )


def render_video(
    path: str | Path, num_frames: int = 48, size: tuple[int, int] = (640, 480)
) -> None:
    """Write a video of synthetic people, MP4.

    Args:
        path: File to write.
        num_frames: Its length.
        size: Width and height, pixels.
    """
    studio = Studio.build(size, 3.0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), 25, size)
    for picture in draw_video(studio, 0, 0, num_frames):
        writer.write(picture.image)
    writer.release()


def _loop(reader: FrameReader) -> Iterator[np.ndarray]:
    """Yield the frames of a video over and over."""
    while True:
        yield from map(reader.read, reader.numbers)


def _draw_boxes(image: np.ndarray, count: int) -> list[list[float]]:
    """Return as many boxes side by side."""
    height, width = image.shape[:2]
    edges = pairwise(np.linspace(0, width, count + 1).tolist())
    return [[left, 0.1 * height, right, 0.9 * height] for left, right in edges]
