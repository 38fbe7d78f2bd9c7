"""Let everything in mmengine that loads a checkpoint load it safely."""

from pathlib import Path

import torch
from mmengine.runner.checkpoint import CheckpointLoader

from posenas.utils.download import fetch_checkpoint, find_in_store
from posenas.utils.errors import CheckpointError
from posenas.utils.plain_data import discard_executable
from posenas.utils.safe_load import load_checkpoint_file

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
    """Load a checkpoint of an address; see :func:`posenas.utils.download.fetch_checkpoint`."""
    return load_from_local(fetch_checkpoint(filename), map_location)


def load_from_store(
    filename: str, map_location: str | torch.device | None = None
) -> dict[str, object]:
    """Load weights that mmengine knows by name, checked like those of any other address.

    Raises:
        CheckpointError: The store is one that nothing here can check, or the file is refused.
    """
    address = find_in_store(filename)
    if address is None:
        raise CheckpointError(
            f'{filename}: checkpoints come from files or http(s) addresses: download it and give '
            'the path'
        )
    checkpoint = load_from_http(address, map_location)
    if filename.startswith('mmcls://'):  # whole classifiers
        weights = checkpoint.get('state_dict', checkpoint)
        prefix = 'backbone.'
        kept = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
        return dict(state_dict=kept)
    return checkpoint


def register_checkpoint_loaders() -> None:
    """Replace mmengine's loaders: resuming, ``load_from``, ``Pretrained`` and all else."""
    stores = [scheme for scheme in CheckpointLoader._schemes if scheme]
    CheckpointLoader.register_scheme(stores, load_from_store, force=True)
    CheckpointLoader.register_scheme(['http://', 'https://'], load_from_http, force=True)
    CheckpointLoader.register_scheme('', load_from_local, force=True)
