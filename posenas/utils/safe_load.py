"""Read checkpoint files of any origin without running a line of what they hold.

Our own files are plain data. Those of mmengine and MMPose name a few classes of NumPy and mmengine;
inert stand-ins take their places while a file is read. Any other name is refused.
"""

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from posenas.utils.errors import CheckpointError
from posenas.utils.plain_data import StandIn, plain_history, to_plain
from posenas.utils.safetensors_io import read_safetensors
from posenas.utils.suffixes import EXPORTED

#: Type of the entries that mmengine gives a checkpoint.
_ENTRY_TYPES: dict[str, type | tuple[type, ...]] = dict(
    state_dict=dict,
    ema_state_dict=dict,
    meta=dict,
    message_hub=dict,
    optimizer=dict,
    param_schedulers=(list, dict),
)


class _DType:
    """Stands in for ``numpy.dtype``, of numbers and text only."""

    def __init__(self, code: str, *_: object) -> None:
        if not re.fullmatch(r'b1|[iu][1248]|f[248]|c8|c16|[SU]\d{1,6}', code):
            raise ValueError(f'arrays must hold numbers or text, got dtype {code!r}')
        self.code = code
        self.order = '='

    def __setstate__(self, state: tuple) -> None:
        self.order = dict(zip('<>|=', '<>==', strict=True))[state[1]]

    def read(self, raw: bytes) -> np.ndarray:
        return np.frombuffer(raw, np.dtype(self.order + self.code))


class _Array(StandIn):
    """Stands in for ``numpy.ndarray``."""

    array = np.empty(0)

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, is_fortran, raw = state
        self.array = dtype.read(raw).reshape(shape, order='F' if is_fortran else 'C')

    def plain(self) -> object:
        return self.array.tolist()


class _History(StandIn):
    """Stands in for ``mmengine.logging.HistoryBuffer``, whose pickles carry functions along."""

    def plain(self) -> object:
        state = vars(self)
        values, counts = state['_log_history'].array, state['_count_history'].array
        return plain_history(values, counts, state['max_length'])


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _scalar(dtype: _DType, raw: bytes) -> object:
    return dtype.read(raw)[0].item()


def _getattr(*_: object) -> None:
    """Stand in for ``getattr``, by which a HistoryBuffer names its methods: they are not kept."""


def _no_bytes() -> bytes:
    """Stand in for ``bytes``, by which NumPy writes the content of an empty array."""
    return b''


_STAND_INS: list[Callable | tuple[Callable, str]] = [
    (_History, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_getattr, 'builtins.getattr'),
    (_no_bytes, 'builtins.bytes'),
    (_Array, 'numpy.ndarray'),
    (_DType, 'numpy.dtype'),
    *((_reconstruct, f'numpy.{core}.multiarray._reconstruct') for core in ('core', '_core')),
    *((_scalar, f'numpy.{core}.multiarray.scalar') for core in ('core', '_core')),
]


def load_checkpoint_file(
    path: str | Path, map_location: str | torch.device = 'cpu', mmap: bool = False
) -> dict:
    """Load a checkpoint of posenas, mmengine or MMPose, or a bare state dict; run nothing.

    The whole file is checked first: every byte against its checksums, every declared size against
    the size of the file. Arrays and log histories come as plain data (see
    :func:`posenas.utils.plain_data.to_plain`).

    Args:
        path: File written by ``torch.save``, zip or older form, or by safetensors, whose half
            precision becomes single.
        map_location: Device for the tensors.
        mmap: Map the tensors into memory instead of reading them, without checksums: for a look
            at the small entries. Zip form only.

    Raises:
        CheckpointError: The file is missing, damaged, names code, or is no checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f'no checkpoint file at {path}: check the path')
    form = check_start(path)
    is_zip = form == 'zip'
    try:
        if form == 'safetensors':
            return _check_entries(read_safetensors(path, map_location), path)
        if is_zip and not mmap:
            check_archive(path)
        with torch.serialization.safe_globals(_STAND_INS):
            loaded = torch.load(  # noqa: TID251
                str(path) if mmap else path, map_location, weights_only=True, mmap=mmap and is_zip
            )
        loaded = to_plain(loaded)
        _check_tensors(loaded, path.stat().st_size)
    except CheckpointError as error:
        raise CheckpointError(f'{path}: {error}') from error
    except Exception as error:  # a forged or damaged pickle can fail in any way
        raise CheckpointError(f'{path}: {_explain(error)}') from error
    return _check_entries(loaded, path)


def load_trusted_file(path: str | Path) -> dict[str, object]:
    """Load a file that names code, which runs; keep the weights in it alone.

    Never call it on a file unless its user has said that its author is trusted.

    Args:
        path: File written by ``torch.save``: a checkpoint, a state dict, or a whole module whose
            class can be imported here.

    Returns:
        The weights under 'state_dict'.

    Raises:
        CheckpointError: It cannot be read or holds no weights.
    """
    if not Path(path).is_file():
        raise CheckpointError(f'no checkpoint file at {path}: check the path')
    try:
        loaded = torch.load(path, 'cpu', weights_only=False)  # noqa: TID251  (the user trusts it)
    except Exception as error:  # unknown classes and damage fail in any way
        raise CheckpointError(
            f'{path} cannot be read ({type(error).__name__}: {error}): what it names must be '
            'installed here'
        ) from error
    candidates = [loaded]
    if isinstance(loaded, dict):
        inner = sorted(loaded.items(), key=lambda item: item[0] != 'state_dict')
        candidates += [value for _, value in inner]
    states = [c.state_dict() if isinstance(c, torch.nn.Module) else c for c in candidates]
    for state in (state for state in states if isinstance(state, dict)):
        weights = {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
        if weights:
            return {'state_dict': weights}
    raise CheckpointError(f'{path} must hold weights, got {type(loaded).__name__} without any')


def check_archive(path: str | Path) -> None:
    """Check the zip form of a checkpoint: checksums, honest sizes, harmless names.

    Raises:
        CheckpointError: Something is wrong with it.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        if any('/code/' in name for name in names):
            raise CheckpointError(
                'a checkpoint must hold weights, got a TorchScript program, which can only be '
                'run: give the checkpoint that it was made of'
            )
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                raise CheckpointError(f'entry {entry.filename!r} must be stored as it is: refused')
            if '..' in entry.filename.split('/') or entry.filename.startswith(('/', '\\')):
                raise CheckpointError(f'entry {entry.filename!r} leads out of the archive: refused')
        if len(set(names)) < len(names):
            raise CheckpointError('the archive has two entries of one name: refused')
        if sum(entry.file_size for entry in entries) > Path(path).stat().st_size:
            raise CheckpointError('entries must be smaller than the file, got larger ones: refused')
        damaged = archive.testzip()
        if damaged is not None:
            raise CheckpointError(f'entry {damaged!r} is damaged: take another copy of the file')


def check_start(path: Path) -> str:
    """Require a file that begins as a checkpoint does.

    Returns:
        'zip' or 'pickle', both forms of ``torch.save``; or 'safetensors'.

    Raises:
        CheckpointError: It is a file of another kind.
    """
    try:
        with open(path, 'rb') as file:
            start = file.read(16)
    except OSError as error:
        raise CheckpointError(f'{path} must be readable: {error.strerror}') from error
    if start.startswith(b'PK\x03\x04'):
        return 'zip'
    if start[:1] == b'\x80' and start[8:9] != b'{':  # how pickles begin
        return 'pickle'
    if start[8:9] == b'{':
        return 'safetensors'
    if not start:
        found = 'an empty file: take another copy'
    elif path.suffix.lower() in EXPORTED:
        found = 'an exported network, which is only run: give the checkpoint that it was made of'
    else:
        found = f'a file that begins with {start!r}: check the path, or take another copy'
    raise CheckpointError(
        f'{path}: a checkpoint must be a file of torch.save or safetensors, got {found}'
    )


def _explain(error: Exception) -> str:
    """Say in one line why reading failed."""
    text = str(error)
    named = re.search(r'GLOBAL (\S+)', text)
    if named:
        name = named[1] if '.' in named[1] else f'builtins.{named[1]}'
        return (
            f'a checkpoint must be plain data, this one asks for {name}, which may run code: '
            'refused; if you trust its author, run posenas convert --trust IN OUT'
        )
    # the first line alone; torch speaks of its own options before it comes to the reason
    first = (text.rpartition('WeightsUnpickler error:')[2].strip().splitlines() or [''])[0][:200]
    return (
        f'the file is damaged or no checkpoint ({type(error).__name__}: {first}): '
        'take another copy or an earlier checkpoint'
    )


def _check_tensors(loaded: object, size: int) -> None:
    """Require that no tensor claims more bytes than the file has, e.g. by strides of zero."""
    for tensor in _iterate_tensors(loaded, set()):
        claimed = tensor.numel() * tensor.element_size()
        if claimed > size or tensor.is_meta:
            raise CheckpointError(
                f'a tensor of shape {tuple(tensor.shape)} claims {claimed} bytes in a file of '
                f'{size}: refused'
            )


def _iterate_tensors(value: object, seen: set[int]) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple) and id(value) not in seen:
        seen.add(id(value))
        for item in value.values() if isinstance(value, dict) else value:
            yield from _iterate_tensors(item, seen)


def _check_entries(loaded: object, path: Path) -> dict:
    """Require the form that resuming and loading rely on."""
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise CheckpointError(
            f'{path}: a checkpoint must be a dict with names as keys, got {type(loaded).__name__}'
        )
    for name, kind in _ENTRY_TYPES.items():
        if name in loaded and not isinstance(loaded[name], kind):
            raise CheckpointError(
                f'{path}: {name} must be a {getattr(kind, "__name__", "list or dict")}, '
                f'got {type(loaded[name]).__name__}: the file is no checkpoint of mmengine'
            )
    for name, weights in loaded.items():
        if name.endswith('state_dict') and not all(isinstance(key, str) for key in weights):
            raise CheckpointError(f'{path}: the keys of {name} must be names of parameters')
    for part in ('log_scalars', 'runtime_info', 'resumed_keys'):
        if not isinstance(loaded.get('message_hub', {}).get(part, {}), dict):
            raise CheckpointError(f'{path}: message_hub[{part!r}] must be a dict')
    for name in ('epoch', 'iter'):
        count = loaded.get('meta', {}).get(name, 0)
        if type(count) is not int or count < 0:
            raise CheckpointError(f'{path}: meta[{name!r}] must be a count, got {count!r}')
    return loaded
