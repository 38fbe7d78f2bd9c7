"""What is remembered of each person in a video, and which network sees the next frame."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from posenas.geometry import bbox_iou

#: Heatmaps (B, K, H, W) of the engine that computes them: an array or a tensor.
Heatmaps = Any


class Seen(NamedTuple):
    """One person in one frame.

    Attributes:
        track: Identity of video and person; None where nobody said.
        frame: Number of the frame.
        bbox: Corners (4,), image pixels.
        matrix: From image to heatmap pixels, (2, 3).
    """

    track: tuple[Hashable, Hashable] | None
    frame: int
    bbox: np.ndarray
    matrix: np.ndarray


@dataclass(frozen=True)
class Memory:
    """The last frame of a track.

    Attributes:
        seen: The person there.
        position: Frames since the key frame.
        heatmaps: What was found, (K, H, W).
    """

    seen: Seen
    position: int
    heatmaps: Heatmaps


class TrackMemory:
    """Last heatmaps of every track.

    A frame is a key frame if the track is new, if it was missed in the frame before, if its box
    overlaps too little with the last one, or if the period is over.

    Args:
        period: Frames from one key frame to the next.
        min_overlap: Intersection over union of two boxes, below which the key network looks again.
        max_gap: Difference of the numbers of two frames that follow each other, at most.
    """

    def __init__(self, period: int, min_overlap: float, max_gap: int) -> None:
        self.period, self.min_overlap, self.max_gap = period, min_overlap, max_gap
        self._tracks: dict[tuple[Hashable, Hashable], Memory] = {}

    def __len__(self) -> int:
        return len(self._tracks)

    def clear(self) -> None:
        """Forget everybody."""
        self._tracks.clear()

    def look(
        self,
        seen: Sequence[Seen],
        find: Callable[[int, list[int], list[Memory]], Heatmaps],
    ) -> tuple[list[Heatmaps], list[int]]:
        """Look at people in any order, each track frame by frame, and remember what is found.

        Args:
            seen: N people in frames.
            find: Gets the frames since the key frame, the rows of B people that one network sees,
                and what is remembered of each, nothing at a key frame; returns their heatmaps
                (B, K, H, W).

        Returns:
            Heatmaps (K, H, W) of each person, and the frames since the key frame.
        """
        found: dict[int, Heatmaps] = {}
        positions = [0] * len(seen)
        for part in split_by_time(seen):
            memories = {row: self.recall(seen[row]) for row in part}
            for row, memory in memories.items():
                positions[row] = 0 if memory is None else memory.position + 1
            for position in sorted({positions[row] for row in part}):
                rows = [row for row in part if positions[row] == position]
                known = [memory for row in rows if (memory := memories[row]) is not None]
                maps = find(position, rows, known)
                self.keep([seen[row] for row in rows], [position] * len(rows), maps)
                found.update(zip(rows, maps, strict=True))
        newest: dict[Hashable, int] = {}
        for one in seen:
            if one.track is not None:
                newest[one.track[0]] = max(one.frame, newest.get(one.track[0], one.frame))
        self.forget_ended(newest)
        return [found[row] for row in range(len(seen))], positions

    def recall(self, seen: Seen) -> Memory | None:
        """Return what the next network needs; None where that is the key network."""
        last = None if seen.track is None else self._tracks.get(seen.track)
        if last is None or not 0 < seen.frame - last.seen.frame <= self.max_gap:
            return None
        overlap = bbox_iou(last.seen.bbox[None], seen.bbox[None])[0, 0]
        is_over = last.position + 1 == self.period
        return None if is_over or overlap < self.min_overlap else last

    def keep(self, seen: Sequence[Seen], positions: Sequence[int], heatmaps: Heatmaps) -> None:
        """Remember frames.

        Args:
            seen: N people in frames; those whose track nobody named are not remembered.
            positions: Frames since their key frames, (N,).
            heatmaps: What was found, (N, K, H, W).
        """
        for one, position, maps in zip(seen, positions, heatmaps, strict=True):
            if one.track is not None:
                self._tracks[one.track] = Memory(one, position, maps)

    def forget_ended(self, newest: Mapping[Hashable, int]) -> None:
        """Forget tracks of other videos than these, and those that ended there.

        Args:
            newest: Video -> number of its last frame.
        """
        self._tracks = {
            track: memory
            for track, memory in self._tracks.items()
            if track[0] in newest and newest[track[0]] - memory.seen.frame <= self.max_gap
        }


def split_by_time(seen: Sequence[Seen]) -> list[list[int]]:
    """Divide a batch into parts that hold each track once, in the order of its frames.

    Returns:
        Rows of each part; tracks nobody named are in the first one.
    """
    parts: list[list[int]] = []
    taken: dict[tuple, int] = {}
    order = sorted(range(len(seen)), key=lambda row: seen[row].frame)
    for row in order:
        track = seen[row].track
        part = 0 if track is None else taken.get(track, -1) + 1
        if track is not None:
            taken[track] = part
        if part == len(parts):
            parts.append([])
        parts[part].append(row)
    return [sorted(part) for part in parts]
