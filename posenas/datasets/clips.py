"""Videos as samples: clips of one person's track, or all people frame by frame."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from mmengine.logging import print_log
from torch.utils.data import Dataset

from posenas.datasets.base import BaseTopdownDataset
from posenas.datasets.image_subset import select_images
from posenas.datasets.persons import PersonTable
from posenas.datasets.tracks import Tracks, follow_people
from posenas.registry import DATASETS
from posenas.skeletons import Skeleton
from posenas.utils.checks import check_positive
from posenas.utils.errors import ConfigError, DataError
from posenas.utils.randomness import Stream, make_generator


@DATASETS.register_module()
class ClipDataset(Dataset):
    """People of a video data set, in the order of time.

    Videos and frames are what the images say (``video_id`` or ``vid_id``, and ``frame_id``); else a
    folder is a video and the number in the name of a picture its frame. Who is who says
    ``track_id``; a video of single people needs none, and detected boxes are paired from frame to
    frame by their overlap. Any data set in COCO's layout will do, such
    as PoseTrack18, JHMDB and synthetic videos.

    With a ``length`` a sample is a clip: one person in that many frames that follow each other, the
    first of them labelled. It holds ``inputs`` and ``data_samples``, lists over the frames. All
    frames are disturbed by the same random numbers, and cropped to the same half of the body;
    transforms that read ``frame_rng`` disturb each frame on its own. Without a ``length`` a sample
    is a person in a frame, in the order of videos and frames: for tests.

    Samples get ``video_id``, ``track_id``, ``frame_id`` and, in clips, ``clip_frame``.

    Args:
        dataset: Config of the data set of people, with the pipeline.
        length: Frames of a clip; None gives people frame by frame.
        max_gap: Difference of the numbers of two frames that follow each other, at most; greater
            than 1 where not every frame is there.
        fill: Longest run of frames without any annotation through which tracks are carried on,
            with the last box and without labels, which weigh nothing; 0 leaves such frames out.
        video_subset: Videos to take: ``start`` and ``stop`` in a seeded order, as in
            :func:`posenas.datasets.image_subset.select_images`; None takes all.
        interval: Take the first of so many successive beginnings of clips.
        lazy_init: Whether to read the files only when they are needed.

    Attributes:
        seed: First part of the seed of each sample; set by the runner.

    Raises:
        ConfigError: The data set is none of people.
        DataError: A file is malformed, or no clip is as long as that.
    """

    def __init__(
        self,
        dataset: Mapping[str, Any],
        length: int | None = None,
        max_gap: int = 1,
        fill: int = 8,
        video_subset: Mapping[str, float] | None = None,
        interval: int = 1,
        lazy_init: bool = False,
    ) -> None:
        for name, value in dict(length=length or 1, max_gap=max_gap, interval=interval).items():
            check_positive(name, value)
        self.dataset = DATASETS.build(dict(dataset, lazy_init=True))
        if not isinstance(self.dataset, BaseTopdownDataset):
            raise ConfigError(
                f'ClipDataset takes a data set of people, got {type(self.dataset).__name__}: wrap '
                'each part of a concatenation by a ClipDataset of its own'
            )
        self.length, self.max_gap, self.fill, self.interval = length, max_gap, fill, interval
        self.video_subset = video_subset
        self.seed = 0
        self._tracks: Tracks | None = None
        self._clips = np.zeros((0, 1), int)
        if not lazy_init:
            self.full_init()

    def full_init(self) -> None:
        """Read the files, once."""
        if self._tracks is not None:
            return
        source = self.dataset.ann_file
        tracks = follow_people(self.dataset.persons, source, self.fill, self.max_gap)
        rows = np.arange(len(tracks.persons))
        if self.video_subset is not None:
            chosen = select_images(np.unique(tracks.videos), self.video_subset)
            rows = rows[np.isin(tracks.videos, chosen)]
        self._clips = rows[:, None]
        if self.length is not None:
            chains = _chain(rows, tracks.find_next(self.max_gap), self.length)
            self._clips = chains[tracks.is_labelled[chains[:, 0]]][:: self.interval]
        if not len(self._clips):
            raise DataError(
                f'{source}: some track must have {self.length or 1} frames that follow each '
                f'other, got none: shorten the clips, or raise max_gap={self.max_gap}'
            )
        self.dataset.replace_persons(tracks.persons)
        self._tracks = tracks
        self._report(source, rows)

    def _report(self, source: str, rows: np.ndarray) -> None:
        """Log what there is."""
        tracks = self._tracks
        pairs = np.stack([tracks.videos, tracks.tracks])[:, rows]
        carried = int((~tracks.is_labelled[rows]).sum())
        kind = 'people in frames' if self.length is None else f'clips of {self.length} frames'
        num_tracks, num_videos = len(np.unique(pairs, axis=1).T), len(np.unique(pairs[0]))
        print_log(
            f'{source}: {len(self._clips)} {kind}, from {num_tracks} tracks in {num_videos} '
            f'videos; {carried} boxes carried through frames without labels',
            logger='current',
        )

    @property
    def metainfo(self) -> dict[str, Any]:
        """The skeleton; see :attr:`BaseTopdownDataset.metainfo`."""
        return self.dataset.metainfo

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton."""
        return self.dataset.skeleton

    @property
    def persons(self) -> PersonTable:
        """All people, in the order of videos, frames and tracks."""
        self.full_init()
        return self.dataset.persons

    @property
    def videos(self) -> np.ndarray:
        """Video of each sample (N,)."""
        self.full_init()
        return self._tracks.videos[self._clips[:, 0]]

    @property
    def bad_samples(self) -> tuple[dict[str, Any], ...]:
        """People that could not be read; see :attr:`BaseTopdownDataset.bad_samples`."""
        return self.dataset.bad_samples

    def __len__(self) -> int:
        self.full_init()
        return len(self._clips)

    def get_data_info(self, index: int) -> dict[str, Any]:
        """Return the first frame of sample ``index`` as it enters the pipeline, but for ``rng``."""
        self.full_init()
        row = int(self._clips[index][0])
        return self.dataset.get_data_info(row) | self._mark(row)

    def _mark(self, row: int) -> dict[str, int]:
        """Say where in its video a person stands; those without a track say nothing."""
        tracks = self._tracks
        track = int(tracks.tracks[row])
        place = dict(video_id=int(tracks.videos[row]), frame_id=int(tracks.frames[row]))
        return place if track < 0 else dict(place, track_id=track)

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401  (what the last transform returns)
        """Prepare sample ``index``; in training its attribute ``epoch`` varies the transforms."""
        epoch, index = getattr(index, 'epoch', 0), int(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f'index must lie within the {len(self)} samples, got {index}')
        index %= len(self)
        try:
            return self._prepare(epoch, index)
        except DataError as error:
            policy = self.dataset.bad_sample_policy
            if policy == 'fail':
                raise
            if policy == 'skip':
                return self._prepare(epoch, index, is_blank=True)
            return self._prepare_other(epoch, index, error)

    def _prepare(self, epoch: int, index: int, is_blank: bool = False) -> Any:  # noqa: ANN401
        clip: dict[str, Any] = {}
        frames = []
        for frame, row in enumerate(self._clips[index].tolist()):
            make_rng = partial(make_generator, Stream.CLIP, self.seed, epoch, index)
            changes = dict(self._mark(row), make_rng=make_rng)
            if self.length is not None:
                rng = make_generator(Stream.CLIP_FRAME, self.seed, epoch, index, frame)
                changes |= dict(clip=clip, clip_frame=frame, frame_rng=rng)
            frames.append(self._prepare_frame(row, changes, is_blank))
        if self.length is None:
            return frames[0]
        return {key: [frame[key] for frame in frames] for key in frames[0]}

    def _prepare_frame(self, row: int, changes: Mapping[str, Any], is_blank: bool) -> Any:  # noqa: ANN401
        if is_blank:
            error = DataError('a frame of the clip could not be read')
            return self.dataset.prepare_blank(row, error, changes)
        rng = changes['make_rng'](len(self.dataset.pipeline))
        try:
            return self.dataset.prepare(row, rng, changes)
        except DataError as error:
            self.dataset.note_bad(row, error)
            raise

    def _prepare_other(self, epoch: int, index: int, error: DataError) -> Any:  # noqa: ANN401
        """Prepare a clip drawn in place of one that cannot be read."""
        for attempt in range(1, self.dataset.max_refetch + 1):
            rng = make_generator(Stream.REPLACEMENT, self.seed, epoch, index, attempt)
            try:
                return self._prepare(epoch, int(rng.integers(len(self))))
            except DataError:
                continue
        raise DataError(
            f'one of {self.dataset.max_refetch} clips taken in place of a bad one must be '
            f'readable, got none; the first: {error}'
        ) from error


def _chain(rows: np.ndarray, following: np.ndarray, length: int) -> np.ndarray:
    """Return the chains of ``length`` rows that begin at ``rows`` (N,), (M, length)."""
    chains = rows[:, None]
    for _ in range(length - 1):
        after = following[chains[:, -1]]
        chains = np.column_stack([chains, after])[after >= 0]
    return chains
