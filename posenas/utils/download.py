"""Checkpoints behind addresses: downloaded, checked against a SHA-256, kept under it.

An address is loaded only if its SHA-256 is known: as an argument, behind the address as
``#sha256=DIGITS``, or, as MMPose writes it, in the name of the file (``-<8 digits>_<date>.pth``).
At least the first 8 of the 64 hexadecimal digits count. What came is read, never run.

The cache holds ``<all digits>.pth``. Few digits are easily met on purpose, so they find a file
again only by the address that it came from, which ``<SHA-256 of the address>.txt`` records.
"""

import hashlib
import http.client
import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, NamedTuple
from urllib.parse import urldefrag, urlparse

import torch
from torch.hub import get_dir

from posenas.utils.atomic_io import atomic_write, make_folder, write_text
from posenas.utils.errors import CheckpointError, DataError, OutputError
from posenas.utils.locks import hold_lock
from posenas.utils.safe_load import check_start, load_checkpoint_file
from posenas.utils.suffixes import EXPORTED
from posenas.utils.telling import tell

#: Seconds without a byte after which a download ends.
_TIMEOUT = 60
_CHUNK = 1 << 20
_NUM_DIGITS = 64
_DIGITS = re.compile(r'[0-9a-f]{8,64}')
#: Digits in the name of a file, behind a hyphen; a date is none.
_NAMED = re.compile(r'-(?!(?:19|20)\d{6}[_.])([0-9a-f]{8,64})(?=[_.])')
#: Entries of a config that name checkpoints end like this.
_ENTRIES = ('checkpoint', 'load_from')
#: Scheme of a store -> table of mmengine that lists its addresses.
_STORES = {
    'torchvision': 'torchvision_0.12',
    'modelzoo': 'torchvision_0.12',
    'open-mmlab': 'openmmlab',
    'openmmlab': 'openmmlab',
    'mmcls': 'mmcls',
}


class _Received(NamedTuple):
    """What a download brought: SHA-256, bytes, and why it is not whole, if it is not."""

    digest: str
    size: int
    fault: str | None


def is_address(source: str | Path) -> bool:
    """Tell whether ``source`` is an address on the web rather than a path."""
    return isinstance(source, str) and re.match(r'https?://', source) is not None


def read_checkpoint(
    source: str | Path,
    map_location: str | torch.device = 'cpu',
    sha256: str | None = None,
    trust: bool = False,
) -> dict:
    """Load a checkpoint of a path or an address.

    Args:
        source: Path or http(s) address.
        map_location: Device for the tensors.
        sha256: See :func:`fetch_checkpoint`.
        trust: Likewise.

    Raises:
        CheckpointError: See :func:`fetch_checkpoint` and
            :func:`posenas.utils.safe_load.load_checkpoint_file`.
    """
    return load_checkpoint_file(fetch_checkpoint(source, sha256, trust), map_location)


def fetch_checkpoint(source: str | Path, sha256: str | None = None, trust: bool = False) -> Path:
    """Return the path of a checkpoint, downloaded and checked if ``source`` is an address.

    Args:
        source: Path or http(s) address.
        sha256: At least the first 8 digits of the SHA-256; None takes those of the address. A file
            is checked too, if they are given.
        trust: Whether an address without digits may be used; digits that are known are checked.

    Raises:
        CheckpointError: The address cannot be reached or the download is not whole; digits are
            missing or others; the text has the digits of what came; or it is of an exported
            network.
        OutputError: The cache cannot be written.
    """
    wanted = None if sha256 is None else _check_digits('sha256', sha256)
    if not is_address(source):
        path = Path(source).expanduser()
        if wanted is not None:
            _check_file(path, wanted)
        return path
    url, digits = _split(str(source))
    if url.lower().endswith(EXPORTED):
        raise CheckpointError(
            f'an exported network must be a file on this machine, got {url}: download it first'
        )
    wanted = wanted or digits
    found = _find_cached(url, wanted)
    if found is not None:
        return found
    folder = make_folder(_cache())
    with _one_at_a_time(folder):
        return _find_cached(url, wanted) or _download(url, folder, wanted, trust)


@contextmanager
def fetch_file(address: str, suffix: str = '') -> Iterator[Path]:
    """Download a picture or video, which needs no SHA-256, for as long as a block runs.

    Args:
        address: http(s) address.
        suffix: End of the name of the file.

    Yields:
        The file; it is removed afterwards.

    Raises:
        DataError: The address cannot be reached, or what came is not whole.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder, f'download{suffix}')
        with open(path, 'wb') as file:
            try:
                received = _receive(address, file)
            except CheckpointError as error:
                raise DataError(str(error)) from error
        if received.fault is not None:
            raise DataError(f'{address} must come as a whole, got {received.fault}: try again')
        yield path


def pin_checkpoint(source: str | Path, sha256: str | None = None, trust: bool = False) -> str:
    """Fetch a checkpoint and return its source with all digits of its SHA-256 behind an address.

    Whoever loads that later, also by a config that was written down, gets the same bytes.

    Args:
        source: See :func:`fetch_checkpoint`; a path stays as it is.
        sha256: Likewise.
        trust: Likewise.
    """
    path = fetch_checkpoint(source, sha256, trust)
    return f'{urldefrag(str(source))[0]}#sha256={path.stem}' if is_address(source) else str(source)


def check_checkpoint(source: str, may_be_exported: bool = False) -> None:
    """Look at the beginning of a local file, before a model is built for it.

    Args:
        source: Path; addresses pass.
        may_be_exported: Whether it may be an exported network instead.

    Raises:
        CheckpointError: There is no file, or one of another kind.
    """
    path = Path(source).expanduser()
    if '://' in source:
        return
    if not path.is_file():
        raise CheckpointError(f'no checkpoint file at {source}: check the path')
    if not (may_be_exported and path.suffix.lower() in EXPORTED):
        check_start(path)


def pin_addresses(config: object, trust: bool = False) -> None:
    """Pin every address of a checkpoint in a config, in place; see :func:`pin_checkpoint`.

    Args:
        config: Dict, list or value inside one.
        trust: Whether addresses without digits may be used.
    """
    if isinstance(config, dict):
        for key, value in config.items():
            if isinstance(key, str) and key.endswith(_ENTRIES) and is_address(value):
                config[key] = pin_checkpoint(value, trust=trust)
            else:
                pin_addresses(value, trust)
    elif isinstance(config, list | tuple):
        for value in config:
            pin_addresses(value, trust)


def find_in_store(source: str) -> str | None:
    """Return the address of weights that mmengine knows by name; None if it is another scheme.

    Args:
        source: Such as 'torchvision://resnet50' or 'mmcls://mobilenet_v2'.

    Raises:
        CheckpointError: The store has no such weights.
    """
    scheme, _, name = source.partition('://')
    if scheme not in _STORES:
        return None
    table = _read_table(_STORES[scheme])
    name = _read_table('deprecated').get(name, name) if 'mmlab' in scheme else name
    if not is_address(table.get(name)):
        raise CheckpointError(
            f'{source} must name weights that mmengine lists for {scheme}, such as '
            f'{scheme}://{min(table)}, got {name!r}: give the path or address of a file'
        )
    return table[name]


def _read_table(name: str) -> dict[str, str | None]:
    return json.loads((files('mmengine') / 'hub' / f'{name}.json').read_text(encoding='utf-8'))


def _check_digits(where: str, digits: str) -> str:
    """Return digits of a SHA-256 in lower case."""
    lower = digits.strip().lower()
    if not _DIGITS.fullmatch(lower):
        raise CheckpointError(
            f'{where} must be the SHA-256 of the file or at least the first 8 of its 64 '
            f'hexadecimal digits, got {digits!r}'
        )
    return lower


def _split(address: str) -> tuple[str, str | None]:
    """Return an address without its fragment, and the digits that it states."""
    try:
        url, fragment = urldefrag(address)
        name = Path(urlparse(url).path).name
    except ValueError as error:
        raise CheckpointError(f'{address} must be an address of the web: {error}') from error
    if fragment:
        key, _, digits = fragment.partition('=')
        return url, _check_digits(f'{address}: #sha256=', digits if key == 'sha256' else fragment)
    named = _NAMED.findall(name)
    return url, named[-1] if named else None


def _check_file(path: Path, wanted: str) -> None:
    """Require a local file to have the digits."""
    if not path.is_file():
        raise CheckpointError(f'no checkpoint file at {path}: check the path')
    digest = _sha256(path)
    if not digest.startswith(wanted):
        raise CheckpointError(
            f'{path} must have the SHA-256 {_abbreviate(wanted)}, got {digest}: it is another '
            'file, or damaged'
        )


def _cache() -> Path:
    return Path(get_dir()) / 'checkpoints'


def _record(url: str) -> Path:
    """Return the file that records which digits the last download of an address had."""
    return _cache() / f'{hashlib.sha256(url.encode()).hexdigest()}.txt'


def _find_cached(url: str, wanted: str | None) -> Path | None:
    """Find a whole file of the cache that came from this address, or has all of the digits."""
    if wanted is None:
        return None
    digest = wanted
    if len(wanted) < _NUM_DIGITS:
        record = _record(url)
        digest = record.read_text(encoding='utf-8') if record.is_file() else ''
    path = _cache() / f'{digest}.pth'
    is_whole = digest.startswith(wanted) and path.is_file() and _sha256(path) == digest
    return path if is_whole else None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let the processes of one machine download after each other, so that one does it for all."""
    with hold_lock(folder / '.lock', inf):
        yield


def _download(url: str, folder: Path, wanted: str | None, trust: bool) -> Path:
    """Download into the cache; a file of unknown digits stays there for when they are given."""
    with TemporaryFile(dir=folder) as spool:
        received = _receive(url, spool)
        name = f', with the SHA-256 {_abbreviate(wanted)},' if wanted else ','
        if received.fault is not None:
            raise CheckpointError(
                f'{url} must come as a whole{name} got {received.fault}, whose SHA-256 is '
                f'{received.digest}: try again'
            )
        if wanted and not received.digest.startswith(wanted):
            raise CheckpointError(
                f'{url} must have the SHA-256 {_abbreviate(wanted)}, got {received.digest} '
                f'({received.size:,} bytes): the file was exchanged, or these are the digits of '
                'another one'
            )
        path = folder / f'{received.digest}.pth'
        spool.seek(0)
        with atomic_write(path) as file:
            shutil.copyfileobj(spool, file, _CHUNK)
    write_text(_record(url), received.digest)
    if not (wanted or trust):
        raise CheckpointError(
            f'{url} must come with a SHA-256, what came has {received.digest}: compare this with '
            f'what its authors say, then give it (--sha256, sha256=) or write {url}#sha256='
            f'{received.digest}; or trust the address (--trust-download, trust_download=True)'
        )
    tell(f'downloaded {url}#sha256={received.digest}')
    return path


def _abbreviate(wanted: str) -> str:
    return wanted if len(wanted) == _NUM_DIGITS else f'{wanted}...'


def _receive(url: str, spool: IO[bytes]) -> _Received:
    """Copy what an address sends into ``spool``."""
    try:
        response = urllib.request.urlopen(url, timeout=_TIMEOUT)  # noqa: S310  (is_address allows http and https)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CheckpointError(f'{url} must be reachable, got: {error}') from error
    digest, size, fault = hashlib.sha256(), 0, None
    with response:
        length = response.headers.get('Content-Length')
        while True:
            try:
                chunk = response.read(_CHUNK)
            except http.client.IncompleteRead as error:
                chunk, fault = error.partial, 'a part'
            except (OSError, http.client.HTTPException) as error:
                chunk, fault = b'', f'a part ({error})'
            if chunk:
                _write(spool, chunk)
                digest.update(chunk)
                size += len(chunk)
            if not chunk or fault is not None:
                break
    if fault is not None or (length and length.isdigit() and int(length) != size):
        of = f' of {int(length):,}' if length and length.isdigit() else ''
        fault = f'{fault or "a part"}, {size:,}{of} bytes'
    return _Received(digest.hexdigest(), size, fault)


def _write(spool: IO[bytes], chunk: bytes) -> None:
    try:
        spool.write(chunk)
    except OSError as error:
        raise OutputError(
            f'{_cache()} must have room for a download, got: {error.strerror}; free space, or let '
            'TORCH_HOME name another folder'
        ) from error
