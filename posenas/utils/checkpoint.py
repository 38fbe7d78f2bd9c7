"""Save checkpoints and find the latest one."""

import hashlib
import io
from pathlib import Path

import torch
from mmengine.logging import MMLogger

from posenas.utils.atomic_io import atomic_write, write_text
from posenas.utils.errors import CheckpointError
from posenas.utils.plain_data import to_plain
from posenas.utils.safe_load import load_checkpoint_file
from posenas.utils.telling import tell

#: File of a work_dir that names its latest checkpoint.
_LAST = 'last_checkpoint'


def save_checkpoint(checkpoint: dict, path: str | Path) -> None:
    """Write ``checkpoint`` as plain data, atomically.

    Raises:
        CheckpointError: A value is no plain data.
        OutputError: The file cannot be written; a file that stood there is unchanged.
    """
    # torch's own writer hides the reason when a file system refuses, hence the buffer
    with io.BytesIO() as buffer:
        torch.save(to_plain(checkpoint), buffer)
        with atomic_write(path) as file:
            file.write(buffer.getbuffer())


def publish_checkpoint(checkpoint: dict, path: str | Path) -> Path:
    """Write ``checkpoint`` beside ``path`` as ``<stem>-<8 digits of its SHA-256>.pth``.

    Returns:
        The path written; ``load_from`` checks the digits when it is given as an address.
    """
    with io.BytesIO() as buffer:
        torch.save(to_plain(checkpoint), buffer)
        digits = hashlib.sha256(buffer.getbuffer()).hexdigest()[:8]
        path = Path(path)
        target = path.with_name(f'{path.stem}-{digits}.pth')
        with atomic_write(target) as file:
            file.write(buffer.getbuffer())
    return target


def write_last_checkpoint(work_dir: str | Path, path: str | Path) -> None:
    """Record the checkpoint ``path`` as the latest of ``work_dir``.

    The name is stored relative to ``work_dir`` where possible, so that the folder can be moved.
    """
    work_dir, path = Path(work_dir).absolute(), Path(path).absolute()
    inside = path.is_relative_to(work_dir)
    write_text(work_dir / _LAST, str(path.relative_to(work_dir) if inside else path))


def find_latest_checkpoint(work_dir: str | Path) -> str | None:
    """Find the checkpoint to resume from.

    The file that ``last_checkpoint`` names is taken if it is whole; else the whole one of the
    folder that has come furthest, best checkpoints aside, since they hold no optimizer.

    Returns:
        Its path, or None when the folder has no usable one.
    """
    work_dir = Path(work_dir)
    named = _read_last(work_dir)
    if named is not None and _progress(named) is not None:
        return str(named)
    candidates = [path for path in work_dir.glob('*.pth') if not path.name.startswith('best_')]
    progress = {path: _progress(path, mmap=True) for path in candidates}
    furthest = sorted(
        (path for path in candidates if progress[path] is not None),
        key=lambda path: (progress[path], path.stat().st_mtime_ns, path.name),
        reverse=True,
    )
    found = next((path for path in furthest if _progress(path) is not None), None)
    if found is not None:
        tell(f'{work_dir / _LAST} names no whole checkpoint, using {found}')
    return None if found is None else str(found)


def find_start(work_dir: str | Path, load_from: str | None) -> tuple[str | None, bool]:
    """Choose what a run that may be resumed starts from; says where nothing can be resumed.

    Returns:
        The newest checkpoint of ``work_dir`` and True; or ``load_from`` and False.
    """
    newest = find_latest_checkpoint(work_dir)
    if newest is None:
        start = f' from {load_from}' if load_from else ''
        text = f'no usable checkpoint in {work_dir}: starting afresh{start}'
        MMLogger.get_current_instance().warning(text)
    return newest or load_from, newest is not None


def _read_last(work_dir: Path) -> Path | None:
    """Read which file ``last_checkpoint`` names; mmengine itself stores absolute paths."""
    try:
        text = (work_dir / _LAST).read_text(encoding='utf-8').strip()
    except (OSError, UnicodeDecodeError):
        return None
    if not text or '\0' in text:
        return None
    path = work_dir / text
    return path if path.is_file() else work_dir / path.name


def _progress(path: Path, mmap: bool = False) -> int | None:
    """Read how many iterations a checkpoint has behind it; None when it cannot be resumed from.

    With ``mmap`` the tensors are not read, so that damage there goes unseen.
    """
    try:
        checkpoint = load_checkpoint_file(path, mmap=mmap)
    except CheckpointError:
        return None
    is_training_state = {'optimizer', 'message_hub', 'state_dict'} <= checkpoint.keys()
    return checkpoint.get('meta', {}).get('iter') if is_training_state else None
