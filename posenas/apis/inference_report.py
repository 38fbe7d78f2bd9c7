"""What went into a call of the inferencer, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posenas.apis.boxes import BoxTable
from posenas.apis.sources import Source
from posenas.structures import PoseDataSample
from posenas.utils.run_ahead import StageClock


@dataclass
class InferenceReport:
    """Counts of one call, up to what was looked at so far.

    Attributes:
        sources: Inputs of the call; videos know which of their frames could not be decoded.
        boxes: Boxes of the call; they know which were not used.
        passed_over: Files and folders in the given folders that are neither pictures nor videos.
        kpt_thr: Keypoints with a greater score are drawn.
        bad_inputs: (path, reason) of each input that could not be read.
        num_images: Images and frames that were looked at.
        num_people: People in them.
        outside: Names of pictures with boxes that lie beside them, and the number of such boxes.
        unmarked: Names of pictures with people of whom no keypoint was drawn, and how many such
            pictures there are of each name.
        best_unmarked: Highest score in those.
        doubts: Why the predictions may mean nothing, known at the end.
        num_looked: Inputs of which at least one image was looked at.
        num_partial: Those of them that could not be read to their end.
        num_whole: Images taken as one person each, for want of boxes and a detector.
        num_tracks: People who were followed through videos.
        is_stopped: Whether somebody ended the call before its last input.
        detect_every: Frames from one detection to the next.
        jitter: Of people who were followed, before and after smoothing.
        clock: Time at work of each stage.
    """

    sources: Sequence[Source]
    boxes: BoxTable
    passed_over: Sequence[Path] = ()
    kpt_thr: float = 0.3
    bad_inputs: list[tuple[str, str]] = field(default_factory=list)
    num_images: int = 0
    num_people: int = 0
    outside: dict[str, int] = field(default_factory=dict)
    unmarked: dict[str, int] = field(default_factory=dict)
    best_unmarked: float = 0.0
    doubts: list[str] = field(default_factory=list)
    num_looked: int = 0
    num_partial: int = 0
    num_whole: int = 0
    num_tracks: int = 0
    is_stopped: bool = False
    detect_every: int = 1
    clock: StageClock = field(default_factory=StageClock)
    _last: Source | None = None

    def __post_init__(self) -> None:
        """Measure jitter of the keypoints that are drawn."""
        from posenas.tracking import JitterMeter  # loads the metrics

        self.jitter = (JitterMeter(self.kpt_thr), JitterMeter(self.kpt_thr))

    def add(self, source: Source, samples: Sequence[PoseDataSample], is_drawn: bool) -> None:
        """Count an image and the people found in it."""
        name = source.label
        if source is not self._last:
            self.num_looked, self._last = self.num_looked + 1, source
        self.num_images += 1
        self.num_people += len(samples)
        if not is_drawn or not samples:
            return
        best = max(float(np.max(s.pred_instances.keypoint_scores)) for s in samples)
        if best <= self.kpt_thr:
            self.unmarked[name] = self.unmarked.get(name, 0) + 1
            self.best_unmarked = max(best, self.best_unmarked)

    def add_outside(self, source: Source, number: int) -> None:
        """Count boxes that lie beside an image."""
        if number:
            self.outside[source.label] = self.outside.get(source.label, 0) + number

    def add_bad(self, source: Source, reason: str) -> None:
        """Count an input that cannot be read, or not to its end."""
        self.bad_inputs.append((source.label, reason))
        self.num_partial += source.num_read > 0

    @property
    def num_left(self) -> int:
        """Inputs that were not reached."""
        bad = len(self.bad_inputs) - self.num_partial
        return max(0, len(self.sources) - self.num_looked - bad)

    def summary(self) -> str:
        """Say what became of every input: processed, skipped, not reached."""
        videos = sum(source.is_video for source in self.sources)
        kinds = f' ({videos} of them videos)' if videos else ''
        bad = len(self.bad_inputs) - self.num_partial
        parts = [f'{self.num_looked} processed']
        parts += [f'{bad} skipped'] if bad else []
        parts += [f'{self.num_left} not reached'] if self.num_left else []
        tracks = f', {self.num_tracks} tracks' if self.num_tracks else ''
        return (
            f'{self.num_images} images, {self.num_people} people{tracks}; of {len(self.sources)} '
            f'inputs{kinds} {", ".join(parts)}'
        )

    def warnings(self) -> list[str]:
        """Say where no keypoint was drawn, and why predictions may mean nothing."""
        unmarked = (
            f'nothing is drawn in {_count(self.unmarked)}, because no keypoint scored above '
            f'{self.kpt_thr:g}: the highest score there is {self.best_unmarked:.3g} (see --kpt-thr)'
        )
        outside = (
            f'{sum(self.outside.values())} boxes lie outside their image '
            f'({_name(list(self.outside))}), where predictions mean nothing'
        )
        return [
            *([outside] if self.outside else []),
            *([unmarked] if self.unmarked else []),
            *self.doubts,
        ]

    def _notes(self) -> list[str]:
        """Say what was done otherwise than asked for, or measured on the way."""
        before, after = (meter.mean for meter in self.jitter)
        return [
            'stopped before the end: the files hold what was found by then'
            if self.is_stopped
            else '',
            f'detection ran in one of {self.detect_every} frames; the other boxes come from poses'
            if self.detect_every > 1
            else '',
            f'mean acceleration of keypoints: {before:.2f} % of the box per frame^2, smoothed '
            f'{after:.2f} %'
            if np.isfinite(after)
            else '',
            f'taken as one person each, because there are neither boxes nor a detector: '
            f'{self.num_whole} images (give --boxes or --det-weights)'
            if self.num_whole
            else '',
        ]

    def lines(self) -> list[str]:
        """Say, in a line for each reason, how much was left out and why."""
        surplus = self.boxes.surplus
        gaps = {
            source.label: ', '.join(map(str, source.gaps))
            for source in self.sources
            if any(gap.last is not None for gap in source.gaps)
        }
        lost = sum(gap.num_frames for source in self.sources for gap in source.gaps)
        paged = {s.label: s.num_pages - 1 for s in self.sources if s.num_pages > 1}
        unknown = [
            source.label for source in self.sources if any(g.last is None for g in source.gaps)
        ]
        lines = [
            *self._notes(),
            f'left out, because they could not be read: {len(self.bad_inputs)} inputs '
            f'({_name([path for path, _ in self.bad_inputs])})'
            if self.bad_inputs
            else '',
            f'left out, because they could not be decoded: {lost} frames '
            f'({_name([f"{path}: {which}" for path, which in gaps.items()])})'
            if gaps
            else '',
            'left out, because only the first page or frame of an image is read: '
            f'{sum(paged.values())} ({_name(list(paged))})'
            if paged
            else '',
            f'read up to the first frame that could not be decoded, since the header does not say '
            f'how many there are: {_name(unknown)}'
            if unknown
            else '',
            f'left out, because they are neither pictures nor videos: {len(self.passed_over)} in '
            f'the folders ({_name([path.name for path in self.passed_over])})'
            if self.passed_over
            else '',
            f'processed without a person, because they have no boxes: {_count(self.boxes.without)}'
            if self.boxes.without
            else '',
            f'left out, because they fit no input: the boxes of {len(self.boxes.unused)} names '
            f'({_name(self.boxes.unused)})'
            if self.boxes.unused
            else '',
            f'left out, because there are fewer images: boxes of {sum(surplus.values())} images '
            f'({_name([name or "the list" for name in surplus])})'
            if surplus
            else '',
            *self.warnings(),
        ]
        return [line for line in lines if line]


def _count(names: Mapping[str, int]) -> str:
    number = sum(names.values())
    return f'{number} image{"s" if number > 1 else ""} ({_name(list(names))})'


def _name(names: Sequence[str], limit: int = 3) -> str:
    """Name the first few."""
    more = f' and {len(names) - limit} more' if len(names) > limit else ''
    return ', '.join(names[:limit]) + more
