"""People's keypoints in videos by exported networks, frame by frame."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.geometry import bbox_iou, crop_to_image, heatmap_matrix, match_boxes, move_heatmaps
from posenas.runtime.network_runtime import NetworkRuntime
from posenas.runtime.pose_runtime import ImageLike, PoseResult, PoseRuntime, read_people
from posenas.runtime.track_memory import Memory, Seen, TrackMemory
from posenas.utils.errors import DataError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class VideoResult(PoseResult):
    """The N people of one frame.

    Attributes:
        track_ids: Who they are (N,).
        positions: Frames since the key frame of each track (N,); 0 where the key network looked.
    """

    track_ids: tuple[Hashable, ...]
    positions: tuple[int, ...]


class VideoRuntime:
    """The exported networks of an :class:`~posenas.models.OnlinePoseEstimator`; no torch.

    A key network sees the first frame of a period, light networks the further ones, which also read
    the heatmaps of the frame before. Nothing depends on later frames.

    Args:
        path: File of the key network that ``posenas export`` wrote; the others lie beside it.
        engine: As of :class:`PoseRuntime`.
        threads: Likewise.
        precision: Likewise.

    Attributes:
        networks: The key network and those of the further frames of a period.
        memory: What is remembered of each track.

    Raises:
        DataError: A file is missing or of another network, or the network sees single images.
        ConfigError: An argument does not fit the engine or the file.
        ImportError: The engine is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        engine: str | None = None,
        threads: int | None = None,
        precision: str = 'f32',
    ) -> None:
        self.key = PoseRuntime(path, engine, threads, precision)
        role = self.key.description.video
        if role is None:
            raise DataError(
                f'{path} must hold the key network of videos, got one of single images: open it by '
                'PoseRuntime'
            )
        files = [Path(path).parent / name for name in role.frames]
        light = [NetworkRuntime(file, engine, threads, precision) for file in files]
        self.networks: tuple[NetworkRuntime, ...] = (self.key, *light)
        for position, (network, file) in enumerate(zip(light, files, strict=True), start=1):
            self._check(network, position, file)
        self.memory = TrackMemory(role.period, role.min_overlap, role.max_gap)
        self._stride: Sequence[float] = self.key.codec.stride
        self._last: tuple[Hashable, int, Floats, tuple[Hashable, ...]] | None = None
        self._num_tracks = 0

    def _check(self, network: NetworkRuntime, position: int, file: Path) -> None:
        """Require a network to be that of one frame, from the same export."""
        key, found = self.key.description, network.description
        wanted = (key.name, key.checkpoint_sha256, position)
        role = found.video
        held = (found.name, found.checkpoint_sha256, None if role is None else role.position)
        if held != wanted:
            raise DataError(
                f'{file} must hold the network of {key.name} for frame {position} of a period, '
                f'from the same checkpoint, got the network of {found.name} for frame '
                f'{held[2]}{"" if held[1] == wanted[1] else " from another checkpoint"}: export '
                'them again'
            )

    def clear(self) -> None:
        """Forget everybody, as for a new video."""
        self.memory.clear()
        self._last = None

    def __call__(
        self,
        image: ImageLike,
        bboxes: ArrayLike,
        track_ids: Sequence[Hashable] | None = None,
        frame_id: int | None = None,
        video_id: Hashable = 0,
        bbox_format: str = 'xyxy',
        flip_test: bool | None = None,
    ) -> VideoResult:
        """Find the keypoints of the people in the next frame.

        Args:
            image: File or array (H, W, 3) uint8 in the order blue, green, red.
            bboxes: Boxes of the people (N, 4) or, with scores, (N, 5), image pixels.
            track_ids: Who they are (N,); None pairs the boxes with those of the frame before, the
                largest overlap first.
            frame_id: Number of the frame; None: one more than that of the last call. Tracks missed
                for longer than the networks allow begin anew.
            video_id: Which video it is; another one than in the last call begins anew.
            bbox_format: 'xyxy' for corners, 'xywh' for left, top, width, height.
            flip_test: Whether to average with the mirrored crop; None does as the file says.

        Raises:
            DataError: The image cannot be read, boxes are malformed, or there is not one identity
                for each.
        """
        pixels, corners, scores = read_people(image, bboxes, bbox_format)
        crops = [self.key.description.crop.cut(pixels, box) for box in corners]
        if frame_id is None:
            last = self._last
            frame_id = 0 if last is None or last[0] != video_id else last[1] + 1
        tracks = self._name(corners, track_ids, frame_id, video_id)
        self._last = (video_id, frame_id, corners, tracks)
        people = zip(crops, corners, tracks, strict=True)
        seen = [
            Seen((video_id, track), frame_id, box, heatmap_matrix(matrix, self._stride))
            for (_, matrix), box, track in people
        ]
        if not crops:
            self.memory.forget_ended({video_id: frame_id})
            return VideoResult(*self.key.collect([], corners, scores), track_ids=(), positions=())
        inputs = self.key.description.normalisation.apply([crop for crop, _ in crops])
        heatmaps, positions = self.infer(inputs, seen, flip_test)
        keypoints, values = self.key.decode((heatmaps,))
        found = [
            (crop_to_image(points, matrix), each)
            for points, each, (_, matrix) in zip(keypoints, values, crops, strict=True)
        ]
        return VideoResult(*self.key.collect(found, corners, scores), tracks, tuple(positions))

    def infer(
        self, inputs: Floats, seen: Sequence[Seen], flip_test: bool | None = None
    ) -> tuple[Floats, list[int]]:
        """Look at normalised crops of people in frames, and remember what is found.

        Args:
            inputs: Crops (N, 3, H, W).
            seen: Whom they show, when and where, N; matrices lead to heatmap pixels.
            flip_test: As in :meth:`__call__`.

        Returns:
            Heatmaps (N, K, h, w), and the frames since the key frame of each.
        """

        def find(position: int, rows: list[int], memories: list[Memory]) -> Floats:
            before = None
            if position:
                before = move_heatmaps(
                    np.stack([memory.heatmaps for memory in memories]),
                    [memory.seen.matrix for memory in memories],
                    [seen[row].matrix for row in rows],
                )
            return self.networks[position].infer(inputs[rows], flip_test, before)[0]

        found, positions = self.memory.look(seen, find)
        return np.stack(found), positions

    def _name(
        self,
        corners: Floats,
        track_ids: Sequence[Hashable] | None,
        frame_id: int,
        video_id: Hashable,
    ) -> tuple[Hashable, ...]:
        """Return who the people in boxes (N, 4) are."""
        if track_ids is not None:
            if len(set(track_ids)) != len(corners) or len(track_ids) != len(corners):
                raise DataError(
                    f'track_ids must be one for each of {len(corners)} boxes, all different, got '
                    f'{list(track_ids)[:20]}'
                )
            return tuple(track_ids)
        known: dict[int, Hashable] = {}
        if self._last is not None and len(corners) and len(self._last[2]):
            last_video, last_frame, before, names = self._last
            if last_video == video_id and 0 < frame_id - last_frame <= self.memory.max_gap:
                pairs = match_boxes(bbox_iou(before, corners), self.memory.min_overlap)
                known = {column: names[row] for row, column in pairs}
        for column in range(len(corners)):
            if column not in known:
                self._num_tracks += 1
                known[column] = f'track {self._num_tracks}'
        return tuple(known[column] for column in range(len(corners)))
