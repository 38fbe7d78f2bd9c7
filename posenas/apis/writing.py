"""Files with the results of a call: pictures, videos, JSON in MMPose's and COCO's form, CSV."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from posenas.apis.results import ImageResult, coco_records, csv_header, csv_line, csv_rows
from posenas.apis.sources import Source
from posenas.apis.video_file import VideoFile
from posenas.utils import ConfigError, atomic_write, check_choice, write_json

#: Forms of predictions: MMPose's JSON for each input; one file of all in COCO's or as a table.
PRED_FORMATS = ('json', 'coco', 'csv')


class _TextFile:
    """A text file that is written piece by piece and gets its name when it is closed."""

    def __init__(self, path: Path) -> None:
        self._stack = ExitStack()
        self._file = self._stack.enter_context(atomic_write(path, 'w'))

    def write(self, text: str) -> None:
        self._file.write(text)

    def close(self, *error: Any) -> None:
        """Finish the file, or remove it when an error's type, value and traceback are given."""
        self._stack.__exit__(*(error or (None, None, None)))


class _JsonList(_TextFile):
    """A JSON text that ends in a list, whose items come one by one."""

    def __init__(self, path: Path, start: str) -> None:
        super().__init__(path)
        self._separator = ''
        self.write(start)

    def append(self, item: object) -> None:
        text = json.dumps(item, ensure_ascii=False)
        self.write(self._separator + text.encode('utf-8', 'backslashreplace').decode())
        self._separator = ',\n'


class ResultWriter:
    """Write the results of a call, each file whole or not at all.

    Images give ``<stem>.jpg`` (or the suffix of the image) and ``<stem>.json``, a list of
    instances. Videos give ``<stem>.mp4`` and ``<stem>.json``, with ``meta_info`` and
    ``instance_info``, a list of {frame_id, instances}; ``undecoded_frames`` lists the numbers of
    frames that could not be decoded, which show the frame before them. ``coco`` and ``csv`` give
    one file each for all inputs, ``results.keypoints.json`` and ``keypoints.csv``. Nothing is kept
    in memory.

    A context: leaving it finishes the files, also by KeyboardInterrupt, with what was found by
    then; another error removes those that are not finished.

    Args:
        vis_dir: Folder of pictures; None writes none.
        pred_dir: Folder of predictions; None writes none.
        dataset_meta: What is known of the keypoints, for the files of videos.
        formats: Some of :data:`PRED_FORMATS`.
        sources: Inputs of the call.
        image_ids: Numbers of images in COCO's form, by their inputs; those without are numbered
            by the names of the files, if all are numbers, otherwise in order from 0.

    Raises:
        ConfigError: A form is none of these, or pictures would replace inputs.
    """

    def __init__(
        self,
        vis_dir: str | Path | None,
        pred_dir: str | Path | None,
        dataset_meta: Mapping[str, Any],
        formats: Sequence[str] = ('json',),
        sources: Sequence[Source] = (),
        image_ids: Mapping[Source, int] | None = None,
    ) -> None:
        if isinstance(formats, str) or not formats:
            raise ConfigError(f'pred_formats must be a list of {PRED_FORMATS}, got {formats!r}')
        for each in formats:
            check_choice('pred_formats', each, PRED_FORMATS)
        self.vis_dir = None if vis_dir is None else Path(vis_dir)
        self.pred_dir = None if pred_dir is None else Path(pred_dir)
        self.dataset_meta, self._formats = dataset_meta, tuple(formats)
        self._video: Source | None = None
        self._video_file: VideoFile | None = None
        self._frames: _JsonList | None = None
        self._coco: _JsonList | None = None
        self._csv: _TextFile | None = None
        self._image_ids = image_ids or _number_by_names(sources)
        files = [source.path for source in sources if source.address is None and source.path]
        if self.vis_dir and any(f.parent.resolve() == self.vis_dir.resolve() for f in files):
            raise ConfigError(
                f'pictures must have their own folder, got {self.vis_dir}, which holds inputs: '
                'choose another --out'
            )

    def __enter__(self) -> 'ResultWriter':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and not issubclass(kind, KeyboardInterrupt):
            self._discard(kind, error, traceback)
            return
        try:
            self._finish_video()
            if self._coco is not None:
                self._coco.write(']\n')
            for file in (self._coco, self._csv):
                if file is not None:
                    file.close()
        except BaseException:
            self._discard(*sys.exc_info())
            raise

    def _discard(self, *error: Any) -> None:
        """Remove what is not finished."""
        if self._video_file is not None:
            self._video_file.discard()
        for file in (self._frames, self._coco, self._csv):
            if file is not None:
                file.close(*error)

    def write(self, result: ImageResult, picture: np.ndarray | None) -> None:
        """Write one image or the next frame of a video.

        Args:
            result: What was found.
            picture: (H, W, 3) uint8 in the order red, green, blue; needed for a ``vis_dir``.

        Raises:
            OutputError: A file cannot be written.
        """
        source = result.frame.source
        if source is not self._video:
            self._finish_video()
            self._video = source if source.is_video else None
        if self.vis_dir is not None:
            self._write_picture(result, picture)
        if self.pred_dir is not None:
            self._write_predictions(result, self.pred_dir)

    def _write_picture(self, result: ImageResult, picture: np.ndarray) -> None:
        source = result.frame.source
        if not source.is_video:
            from posenas.visualization import write_picture

            suffix = source.path.suffix.lower() if source.path else ''
            write_picture(self.vis_dir / f'{source.stem}{suffix or ".jpg"}', picture)
            return
        if self._video_file is None:
            path = self.vis_dir / f'{source.stem}.mp4'
            size = picture.shape[1], picture.shape[0]
            self._video_file = VideoFile(path, source.frames_per_second(), size)
        self._video_file.write(result.frame_id, picture)

    def _write_predictions(self, result: ImageResult, folder: Path) -> None:
        source, content = result.frame.source, result.to_dict()
        if 'json' in self._formats and source.is_video:
            if self._frames is None:
                from posenas.utils.plain_data import to_plain

                meta = json.dumps(to_plain(self.dataset_meta), ensure_ascii=False)
                start = f'{{"meta_info": {meta}, "instance_info": ['
                self._frames = _JsonList(folder / f'{source.stem}.json', start)
            self._frames.append({key: content[key] for key in ('frame_id', 'instances')})
        elif 'json' in self._formats:
            write_json(folder / f'{source.stem}.json', content['instances'], indent=2)
        if 'coco' in self._formats:
            if self._coco is None:
                self._coco = _JsonList(folder / 'results.keypoints.json', '[')
            number = self._image_ids.get(source, result.frame.position)
            for record in coco_records(result, number):
                self._coco.append(record)
        if 'csv' in self._formats:
            if self._csv is None:
                self._csv = _TextFile(folder / 'keypoints.csv')
                self._csv.write(csv_line(csv_header(result.names)))
            self._csv.write(''.join(map(csv_line, csv_rows(result))))

    def _finish_video(self) -> None:
        if self._video is None:
            return
        if self._frames is not None:
            gaps = [gap for gap in self._video.gaps if gap.last is not None]
            numbers = [n for gap in gaps for n in range(gap.first, gap.last + 1)]
            end = f', "undecoded_frames": {json.dumps(numbers)}' if numbers else ''
            self._frames.write(f']{end}}}\n')
            self._frames.close()
        if self._video_file is not None:
            self._video_file.finish()
        self._video, self._video_file, self._frames = None, None, None


def _number_by_names(sources: Sequence[Source]) -> dict[Source, int]:
    """Number images by the names of their files if all are numbers, as those of COCO are."""
    if any(s.path is None or s.is_video or not s.stem.isdecimal() for s in sources):
        return {}
    numbers = {source: int(source.stem) for source in sources}
    return numbers if len({*numbers.values()}) == len(numbers) else {}
