"""Let everything in mmengine that loads a checkpoint load it safely."""

import hashlib
import re
from pathlib import Path
from urllib.parse import urldefrag, urlparse

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner.checkpoint import CheckpointLoader
from torch.hub import download_url_to_file, get_dir

from posenas.utils.errors import CheckpointError
from posenas.utils.plain_data import discard_executable
from posenas.utils.safe_load import load_checkpoint_file

__all__ = ['load_from_http', 'load_from_local', 'load_from_store', 'register_checkpoint_loaders']

# mmengine logs a loader by its name without the first ten letters, hence "load_from_..."


def load_from_local(
    filename: str | Path, map_location: str | torch.device | None = None
) -> dict[str, object]:
    """Load a local checkpoint; see :func:`posenas.utils.safe_load.load_checkpoint_file`.

    The stored config that mmengine would run on resuming is left out.
    """
    checkpoint = load_checkpoint_file(Path(filename).expanduser(), map_location or 'cpu')
    discard_executable(checkpoint)
    return checkpoint


def load_from_http(
    filename: str, map_location: str | torch.device | None = None
) -> dict[str, object]:
    """Download a checkpoint once, check its SHA-256 and load it.

    Args:
        filename: Address whose file name carries the first eight or more digits of the sum, as
            published weights do, or that ends in ``#sha256=<digits>``.
        map_location: Device for the tensors.

    Raises:
        CheckpointError: The address carries no sum, the sum differs, or the file is refused.
    """
    url, fragment = urldefrag(filename)
    name = Path(urlparse(url).path).name
    named = re.search(r'-([0-9a-f]{8,64})[_.]', name)
    digits = fragment.removeprefix('sha256=') or (named[1] if named else '')
    if not re.fullmatch(r'[0-9a-f]{8,64}', digits):
        raise CheckpointError(
            f'{filename}: the address must carry a checksum: add #sha256=DIGITS, or download the '
            'file yourself and give its path'
        )
    path = Path(get_dir()) / 'checkpoints' / name
    if is_main_process() and not (path.is_file() and _sha256(path).startswith(digits)):
        _download(url, path, digits)
    barrier()
    return load_from_local(path, map_location)


def load_from_store(
    filename: str, map_location: str | torch.device | None = None
) -> dict[str, object]:
    """Refuse the stores that mmengine reads without any check.

    Raises:
        CheckpointError: Always.
    """
    raise CheckpointError(
        f'{filename}: checkpoints come from files or http(s) addresses: download it and give the '
        'path'
    )


def register_checkpoint_loaders() -> None:
    """Replace mmengine's loaders: resuming, ``load_from``, ``Pretrained`` and all else."""
    stores = [scheme for scheme in CheckpointLoader._schemes if scheme]
    CheckpointLoader.register_scheme(stores, load_from_store, force=True)
    CheckpointLoader.register_scheme(['http://', 'https://'], load_from_http, force=True)
    CheckpointLoader.register_scheme('', load_from_local, force=True)


def _download(url: str, path: Path, digits: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        download_url_to_file(url, str(path), hash_prefix=digits)  # writes atomically
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f'{url} must be reachable and have the SHA-256 {digits}..., got: {error}'
        ) from error


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
