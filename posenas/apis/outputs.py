"""What is handed back and written: plain instances, pictures, JSON files and videos."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from posenas.apis.sources import Frame, Source
from posenas.skeletons import COCO, Skeleton
from posenas.structures import PoseDataSample, split_instances
from posenas.utils import (
    ConfigError,
    OutputError,
    check_choice,
    check_probability,
    make_folder,
    write_json,
)
from posenas.utils.paths import lend_utf8, to_utf8


@dataclass(frozen=True)
class DrawOptions:
    """How predictions are drawn.

    Attributes:
        kpt_thr: Keypoints whose score is greater are drawn, in [0, 1].
        radius: Of keypoints, pixels; None suits the size of each person.
        thickness: Of limbs, pixels; None suits the size of each person.
        draw_bbox: Whether to draw the boxes.
        draw_heatmap: Whether to lay the heatmaps over the image.
        skeleton_style: 'mmpose', or 'openpose' for models of COCO's keypoints.
    """

    kpt_thr: float = 0.3
    radius: int | None = None
    thickness: int | None = None
    draw_bbox: bool = False
    draw_heatmap: bool = False
    skeleton_style: str = 'mmpose'

    def __post_init__(self) -> None:
        """Refuse values without meaning."""
        check_probability('kpt_thr', self.kpt_thr)
        check_choice('skeleton_style', self.skeleton_style, ('mmpose', 'openpose'))


#: What networks for videos say of a person in a frame.
_IN_VIDEO = ('track_id', 'period_position')


def to_instances(samples: Sequence[PoseDataSample]) -> list[dict[str, Any]]:
    """Turn predictions into plain Python values.

    Returns:
        Per person ``keypoints`` [[x, y], ...] in image pixels, ``keypoint_scores``, ``bbox``
        [[x1, y1, x2, y2]] (nested, as readers of MMPose's files expect) and ``bbox_score``; of
        networks for videos ``track_id`` and ``period_position``, the frames since the key frame.
    """
    return [
        dict(
            split_instances(sample.pred_instances)[0],
            **{key: sample.metainfo[key] for key in _IN_VIDEO if key in sample.metainfo},
        )
        for sample in samples
    ]


def check_display() -> None:
    """Require a display, without which OpenCV would end the process.

    Raises:
        ConfigError: There is none.
    """
    if sys.platform == 'linux' and not {'DISPLAY', 'WAYLAND_DISPLAY'} & os.environ.keys():
        raise ConfigError(
            'show=True needs a display, none is here: set vis_out_dir to write the pictures instead'
        )


def show_picture(picture: np.ndarray, name: str, wait_time: float) -> None:
    """Open a window with a picture (H, W, 3) RGB.

    Args:
        picture: The picture.
        name: Title of the window.
        wait_time: Seconds that it stays; 0 waits for a key.
    """
    cv2.imshow(name, np.ascontiguousarray(picture[..., ::-1]))
    cv2.waitKey(round(1000 * wait_time))


def draw_people(
    image: np.ndarray,
    samples: Sequence[PoseDataSample],
    skeleton: Skeleton,
    options: DrawOptions,
    heatmap: np.ndarray | None = None,
) -> np.ndarray:
    """Draw the predictions of one image.

    Args:
        image: (H, W, 3) uint8 in the order blue, green, red.
        samples: One per person.
        skeleton: Keypoints and limbs.
        options: See :class:`DrawOptions`.
        heatmap: (1, H, W), result of :func:`add_heatmaps`, laid over the image.

    Returns:
        Picture (H, W, 3) uint8 in the order red, green, blue.
    """
    from posenas.visualization import (
        OPENPOSE,
        draw_bboxes,
        draw_heatmaps,
        draw_notes,
        draw_poses,
        to_openpose,
    )

    picture = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    if not samples:
        return picture
    people = [sample.pred_instances for sample in samples]
    if heatmap is not None:
        picture = draw_heatmaps(picture, heatmap)
    if options.draw_bbox:
        picture = draw_bboxes(picture, np.concatenate([person.bboxes for person in people]))
    keypoints = np.concatenate([person.keypoints for person in people])
    scores = np.concatenate([person.keypoint_scores for person in people])
    if options.skeleton_style == 'openpose' and skeleton.joint_names == COCO.joint_names:
        keypoints, scores = to_openpose(keypoints, scores)
        skeleton = OPENPOSE
    notes = list(map(_note, samples))
    if any(notes):
        picture = draw_notes(picture, np.concatenate([p.bboxes for p in people]), notes)
    return draw_poses(
        picture,
        keypoints,
        scores,
        skeleton,
        score_thr=options.kpt_thr,
        line_width=options.thickness,
        radius=options.radius,
    )


def _note(sample: PoseDataSample) -> str:
    """Say which track a person is and which network looked, in videos; '' elsewhere."""
    if any(key not in sample.metainfo for key in _IN_VIDEO):
        return ''
    position = sample.metainfo['period_position']
    return f'{sample.metainfo["track_id"]} {f"light {position}" if position else "key"}'


def add_heatmaps(canvas: np.ndarray, sample: PoseDataSample) -> None:
    """Lay the largest of a person's maps at its place in an image, where it is the larger one.

    Args:
        canvas: (1, H, W), changed in place.
        sample: Person with ``pred_fields``.
    """
    from posenas.visualization import place_heatmaps

    size = canvas.shape[2], canvas.shape[1]
    np.maximum(canvas, place_heatmaps(sample, 'pred_fields', size), out=canvas)


class ResultWriter:
    """Write the results of a call, each file whole or not at all.

    Images give ``<stem>.jpg`` (or the suffix of the image) and ``<stem>.json``, a list of
    instances. Videos give ``<stem>.mp4`` and ``<stem>.json``, with ``meta_info`` and
    ``instance_info``, a list of {frame_id, instances}; ``undecoded_frames`` lists the numbers of
    frames that could not be decoded, which show the frame before them. A context: leaving it
    finishes the last video, unless by an error.

    Args:
        vis_dir: Folder of pictures; None writes none.
        pred_dir: Folder of JSON files; None writes none.
        dataset_meta: What is known of the keypoints, for the files of videos.
    """

    def __init__(
        self,
        vis_dir: str | Path | None,
        pred_dir: str | Path | None,
        dataset_meta: Mapping[str, Any],
    ) -> None:
        self.vis_dir = None if vis_dir is None else Path(vis_dir)
        self.pred_dir = None if pred_dir is None else Path(pred_dir)
        self.dataset_meta = dataset_meta
        self._video: Source | None = None
        self._video_file: _VideoFile | None = None
        self._instance_info: list[dict[str, Any]] = []

    def __enter__(self) -> 'ResultWriter':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish_video()
        elif self._video_file is not None:
            self._video_file.discard()

    def write(
        self, frame: Frame, picture: np.ndarray | None, instances: list[dict[str, Any]]
    ) -> None:
        """Write one image or the next frame of a video.

        Args:
            frame: The image.
            picture: (H, W, 3) uint8 in the order red, green, blue; needed for a ``vis_dir``.
            instances: Result of :func:`to_instances`.

        Raises:
            OutputError: A file cannot be written.
        """
        source = frame.source
        if source is not self._video:
            self._finish_video()
            self._video = source if source.is_video else None
        if source.is_video:
            self._add_frame(frame, picture, instances)
            return
        if self.vis_dir is not None:
            from posenas.visualization import write_picture

            suffix = source.path.suffix.lower() if source.path else '.jpg'
            write_picture(self.vis_dir / f'{source.stem}{suffix}', picture)
        if self.pred_dir is not None:
            write_json(self.pred_dir / f'{source.stem}.json', instances, indent=2)

    def _add_frame(
        self, frame: Frame, picture: np.ndarray | None, instances: list[dict[str, Any]]
    ) -> None:
        self._instance_info.append(dict(frame_id=frame.index, instances=instances))
        if self.vis_dir is None:
            return
        if self._video_file is None:
            path = self.vis_dir / f'{frame.source.stem}.mp4'
            size = picture.shape[1], picture.shape[0]
            self._video_file = _VideoFile(path, frame.source.frames_per_second(), size)
        self._video_file.write(frame.index, picture)

    def _finish_video(self) -> None:
        if self._video is None:
            return
        from posenas.utils.plain_data import to_plain

        if self.pred_dir is not None:
            content = dict(meta_info=to_plain(self.dataset_meta), instance_info=self._instance_info)
            gaps = [gap for gap in self._video.gaps if gap.last is not None]
            if gaps:
                numbers = [n for gap in gaps for n in range(gap.first, gap.last + 1)]
                content['undecoded_frames'] = numbers
            write_json(self.pred_dir / f'{self._video.stem}.json', content)
        if self._video_file is not None:
            self._video_file.finish()
        self._video, self._video_file, self._instance_info = None, None, []


class _VideoFile:
    """An MP4 file that gets its name when it is finished.

    Args:
        path: File to write.
        fps: Frames per second.
        size: Width and height, pixels.
    """

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        self.path = path
        name = to_utf8(path.stem)
        self.part = path.with_name(f'.{name}.part{path.suffix}')  # the suffix sets the form
        make_folder(path.parent)
        self.size = size
        self.num_frames, self.last = 0, None
        with lend_utf8(path.parent) as folder:
            part = str(Path(folder, self.part.name))
            self.writer = cv2.VideoWriter(part, cv2.VideoWriter.fourcc(*'mp4v'), fps, size)
        if not self.writer.isOpened():
            raise OutputError(f'{path} must be writable as a video, the encoder refused it')

    def write(self, number: int, picture: np.ndarray) -> None:
        """Append frame ``number``, (H, W, 3) uint8 RGB, after repeats for those left out."""
        if (picture.shape[1], picture.shape[0]) != self.size:  # the writer would drop it
            picture = cv2.resize(picture, self.size)
        image = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        for _ in range(self.num_frames, number):
            self.writer.write(image if self.last is None else self.last)
        self.writer.write(image)
        self.num_frames, self.last = number + 1, image

    def finish(self) -> None:
        """Close the file and move it to its place.

        Raises:
            OutputError: The file lacks frames, since the encoder does not say that a disk is full.
        """
        self.writer.release()
        found = _count_readable(self.part, self.num_frames)
        if found < self.num_frames:
            size = self.part.stat().st_size if self.part.is_file() else 0
            self.discard()
            raise OutputError(
                f'{self.path} must have {self.num_frames} frames, but after {size} bytes only '
                f'{found} of them can be read back: free space on the disk or change the path'
            )
        os.replace(self.part, self.path)

    def discard(self) -> None:
        """Close the file and remove it."""
        self.writer.release()
        self.part.unlink(missing_ok=True)


def _count_readable(path: Path, wanted: int) -> int:
    """Count the frames that a finished video promises; none where its last one is broken."""
    with lend_utf8(path) as name:
        video = cv2.VideoCapture(name)
    try:
        found = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video.isOpened() else 0
        video.set(cv2.CAP_PROP_POS_FRAMES, wanted - 1)
        return found if video.read()[0] else 0
    finally:
        video.release()
