"""A teacher's heatmaps on disk, found again by the view of the sample that they belong to."""

import hashlib
import logging
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from posenas.models.estimators.map_records import MapFormat
from posenas.models.estimators.teacher import TeacherGroup
from posenas.registry import TASK_UTILS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError, DataError, check_choice, check_positive
from posenas.utils.atomic_io import make_folder, write_json
from posenas.utils.files import read_json
from posenas.utils.locks import hold_lock

#: A view of a sample: digest of the data set, index, number of the view.
View = tuple[str, int, int]
_HEADER = 'cache.json'
_CHECKSUM = 4  # bytes
#: Seconds in which another process has written the header.
_PATIENCE = 10.0


@TASK_UTILS.register_module()
class TeacherCache:
    """Store the heatmaps that teachers make of the views of a data set.

    Data sets have views where their ``num_views`` is set; their shuffles, crops and colours repeat
    after so many epochs, and from then on nothing runs the teachers. One file per data set and
    view, one record per sample: a checksum, by which half-written records are told and made anew,
    and the heatmaps in 8 bits. Training always sees heatmaps as they come out of a record, so it
    does not depend on which were stored before.

    Args:
        path: Folder of the cache, of one teacher with one preprocessing.
        form: 'dense' keeps whole heatmaps; 'windows' only two windows around their peaks, about a
            tenth, and takes the rest as 0.
        sigma: Standard deviation of the maps' peaks, cells; windows reach three times as far.
        check_interval: One in so many samples, chosen by its view, is computed again to compare.
        max_error: Largest difference that the comparison admits.

    Raises:
        ConfigError: A setting is impossible.
    """

    def __init__(
        self,
        path: str,
        form: str = 'dense',
        sigma: float = 2.0,
        check_interval: int = 1000,
        max_error: float = 0.02,
    ) -> None:
        check_choice('form', form, ('dense', 'windows'))
        for name, value in (
            ('sigma', sigma),
            ('check_interval', check_interval),
            ('max_error', max_error),
        ):
            check_positive(name, value)
        self.path = Path(path)
        self.radius = round(3 * sigma) if form == 'windows' else None
        self.check_interval = check_interval
        self.max_error = max_error
        self._is_full = False
        self._identity: str | None = None
        self._format: MapFormat | None = None

    @property
    def is_open(self) -> bool:
        """Whether :meth:`open` was called."""
        return self._identity is not None

    def __deepcopy__(self, memo: dict) -> 'TeacherCache':
        """Share the cache: copies of a model, such as averages, have the same teachers."""
        return self

    def open(self, identity: str) -> None:
        """Require what is stored to stem from the teachers and preprocessing of ``identity``.

        Raises:
            ConfigError: It does not, or has another form.
        """
        self._identity = identity
        header = self.path / _HEADER
        if header.is_file():
            self._adopt(_read_header(header))
            print_log(f'heatmaps of the teacher are read from {self.path}', 'current')

    def _adopt(self, header: dict) -> None:
        wanted = dict(identity=self._identity, radius=self.radius)
        stored = {key: header.get(key) for key in wanted}
        if stored != wanted:
            raise ConfigError(
                f'model.cache.path must be a folder with heatmaps of this teacher, preprocessing '
                f'and form, {wanted}, got {self.path} with {stored}: give another folder, or '
                'delete it'
            )
        self._format = MapFormat(tuple(header['shape']), self.radius)

    def get(self, data_samples: Sequence[PoseDataSample]) -> Tensor | None:
        """Return the heatmaps (B, C, H, W) of all samples, or None where the teachers must run.

        They must where a record is missing, a sample has no view, or its turn has come to be
        compared.

        Raises:
            ConfigError: No sample has a view.
        """
        views = _list_views(data_samples)
        if self._format is None or None in views or any(map(self._is_due, views)):
            return None
        records = [self._read(view) for view in views]
        if any(record is None for record in records):
            return None
        return torch.from_numpy(self._format.decode(np.stack(records)))

    def put(self, data_samples: Sequence[PoseDataSample], maps: Tensor) -> Tensor:
        """Store the heatmaps (B, C, H, W) of samples, or compare them with what is stored.

        Returns:
            The heatmaps as :meth:`get` would return them.

        Raises:
            DataError: Stored heatmaps differ by more than ``max_error``.
            ConfigError: The heatmaps have another shape than those stored.
        """
        self._set_shape(tuple(maps.shape[1:]))
        records = self._format.encode(maps.detach().float().cpu().numpy())
        for row, view in enumerate(_list_views(data_samples)):
            stored = None if view is None else self._read(view)
            if stored is not None:
                self._compare(view, stored, records[row])
                records[row] = stored
            elif view is not None:
                self._write(view, records[row])
        return torch.from_numpy(self._format.decode(records))

    def _set_shape(self, shape: tuple[int, ...]) -> None:
        if self._format is None:
            self._format = MapFormat(shape, self.radius)
            self._store(self._write_header)
        if self._format.shape != shape:
            raise ConfigError(
                f'heatmaps must have the shape of those in {self.path}, {self._format.shape}, got '
                f'{shape}: give another model.cache.path'
            )

    def _write_header(self) -> None:
        """Say whose heatmaps these are, unless another process has begun the cache meanwhile."""
        make_folder(self.path)
        with hold_lock(self.path, _PATIENCE):
            header = self.path / _HEADER
            if header.is_file():
                self._adopt(_read_header(header))
                return
            shape = list(self._format.shape)
            write_json(header, dict(identity=self._identity, radius=self.radius, shape=shape))

    def _is_due(self, view: View) -> bool:
        return zlib.crc32(repr(view).encode()) % self.check_interval == 0

    def _compare(self, view: View, stored: np.ndarray, record: np.ndarray) -> None:
        """Require both records to decode to nearly the same heatmaps."""
        if np.array_equal(stored, record):
            return
        first, second = self._format.decode(np.stack([stored, record]))
        error = float(np.abs(first - second).max())
        if error > self.max_error:
            raise DataError(
                f'heatmaps in {self.path} must come from the teacher, but sample {view[1]}, view '
                f'{view[2]} differs by {error:.3g} > {self.max_error}: the images have changed; '
                'delete the folder'
            )

    def _locate(self, view: View) -> tuple[Path, int]:
        """Return the file of a record and its place in it, bytes."""
        digest, index, number = view
        return self.path / digest / f'view_{number:04d}.bin', index * self._stride

    @property
    def _stride(self) -> int:
        return _CHECKSUM + self._format.length

    def _read(self, view: View) -> np.ndarray | None:
        """Return the record of a view, (length,); None if it is missing or incomplete."""
        path, place = self._locate(view)
        try:
            with open(path, 'rb', buffering=0) as file:
                file.seek(place)
                content = file.read(self._stride)
        except FileNotFoundError:
            return None
        body = content[_CHECKSUM:]
        if len(content) < self._stride or content[:_CHECKSUM] != _checksum(body):
            return None
        return np.frombuffer(body, np.uint8)

    def _write(self, view: View, record: np.ndarray) -> None:
        path, place = self._locate(view)
        body = record.tobytes()

        def write() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            with open(path, 'r+b') as file:  # other processes write other records
                file.seek(place)
                file.write(_checksum(body) + body)

        self._store(write)

    def _store(self, write: Callable[[], None]) -> None:
        """Write, until the disk is full: from then on teachers run where nothing is stored."""
        if self._is_full:
            return
        try:
            write()
        except OSError as error:
            self._is_full = True
            print_log(
                f'{self.path} must be writable to keep more heatmaps, got: {error}; '
                'training goes on, and the teachers run where none is stored',
                'current',
                logging.WARNING,
            )


def _read_header(path: Path) -> dict:
    """Read what the heatmaps of a cache belong to.

    Raises:
        DataError: The file is damaged.
    """
    header = read_json(path)
    shape = header.get('shape') if isinstance(header, dict) else None
    if not (isinstance(shape, list) and len(shape) == 3 and all(type(n) is int for n in shape)):
        raise DataError(
            f'{path} must say the shape of heatmaps, got {shape!r}: delete {path.parent}'
        )
    return header


def _checksum(body: bytes) -> bytes:
    """Return four bytes that differ from those of a hole in a file, which are zero."""
    return (zlib.crc32(body) or 1).to_bytes(_CHECKSUM, 'little')


def _list_views(data_samples: Sequence[PoseDataSample]) -> list[View | None]:
    """Return the view of each sample, None where it replaces another.

    Raises:
        ConfigError: None has one.
    """
    views = [sample.metainfo.get('view') for sample in data_samples]
    if not any(views) and not any('bad_sample' in s.metainfo for s in data_samples):
        raise ConfigError(
            'model.cache needs samples that repeat: set num_views of the training data sets, the '
            'number of epochs after which they do'
        )
    return views


def identify_teachers(teachers: TeacherGroup, preprocessor: nn.Module) -> str:
    """Digest all that the heatmaps of teachers depend on, apart from the images.

    Args:
        teachers: The teachers.
        preprocessor: Data preprocessor of the student, which makes their input.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=16)
    names = ('_channel_conversion', '_enable_normalize', 'pad_size_divisor', 'pad_value')
    digest.update(repr([getattr(preprocessor, name, None) for name in names]).encode())
    _add_module(digest, preprocessor)
    for teacher in teachers.members:
        settings = (teacher.weight, teacher.flip_test, teacher.amp, teacher.joints.pairs)
        test_cfg = sorted(map(repr, (teacher.model.test_cfg or {}).items()))
        sizes = getattr(teacher.images, 'input_size', None)
        colours = getattr(teacher.images, 'is_reversing', None)
        digest.update(repr((settings, test_cfg, sizes, colours)).encode())
        _add_module(digest, teacher)
    return digest.hexdigest()


def _add_module(digest: 'hashlib.blake2b', module: nn.Module) -> None:
    """Add the structure, parameters and buffers of a module to a digest."""
    digest.update(repr(module).encode())
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        values = tensor.detach().cpu().contiguous()
        digest.update(f'{name} {values.dtype} {tuple(values.shape)}'.encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
