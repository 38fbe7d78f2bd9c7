"""What the configs of data sets read, looked for before anything is built."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mmengine.config import Config

from posenas.utils.errors import DataError
from posenas.utils.paths import join_path
from posenas.utils.telling import tell

#: Parts of a config that name files of data.
_DATA = tuple(
    f'{split}_{part}' for split in ('train', 'val', 'test') for part in ('dataloader', 'evaluator')
)


def find_missing(config: object, place: str = '') -> None:
    """Require all annotation files and folders of images in a config to exist.

    Addresses, and what backends other than that of local files read, are passed over.

    Args:
        config: Data loaders, or whatever they hold.
        place: Where it stands, for messages.

    Raises:
        DataError: One does not exist; the text names its place.
    """
    for key, value in _list_entries(config):
        find_missing(value, f'{place}.{key}' if place else str(key))
    if not isinstance(config, Mapping) or 'ann_file' not in config or config.get('backend_args'):
        return
    root = config.get('data_root') or ''
    prefix = config.get('data_prefix')
    folder = prefix.get('img') if isinstance(prefix, Mapping) else None
    for key, name, is_wanted in (
        ('ann_file', config['ann_file'], Path.is_file),
        ('bbox_file', config.get('bbox_file'), Path.is_file),
        ('data_prefix.img', folder, Path.is_dir),
    ):
        if not (isinstance(name, str) and name) or not isinstance(root, str):
            continue
        path = name if key == 'bbox_file' else join_path(root, name)
        if '://' not in path and not is_wanted(Path(path)):
            kind = 'folder' if is_wanted is Path.is_dir else 'file'
            found = 'is none' if Path(path).exists() else 'is not there'
            raise DataError(
                f'{place}.{key} must be a {kind}, {path} {found}: check the path, or data_root'
            )


def settle_paths(cfg: Config) -> None:
    """Let relative paths of data start from the config where the current folder has no such data.

    Tried are the folder of the config and those above it, the nearest first, so that a config works
    from any folder; what was found is logged.

    Args:
        cfg: Config, changed in place.
    """
    folders = Path(cfg.filename).absolute().parents if cfg.filename else ()
    found = {folder for key in _DATA for folder in _settle(cfg.get(key), folders, cfg)}
    for folder in sorted(found):
        tell(f'data are read from {folder}, above the config: they are not in the current folder')


def _settle(part: object, folders: Sequence[Path], cfg: Config) -> Iterator[Path]:
    """Settle the paths in a part of a config; yield the folders that they start from now."""
    for _, value in _list_entries(part):
        yield from _settle(value, folders, cfg)
    if not isinstance(part, dict) or part.get('backend_args'):
        return
    is_dataset = 'pipeline' in part or 'data_root' in part
    root = (part.get('data_root') or '') if is_dataset else ''
    for key in ('ann_file', 'bbox_file'):
        name = part.get(key)
        start = root if key == 'ann_file' else ''
        if not (isinstance(name, str) and name and isinstance(start, str)):
            continue
        path = join_path(start, name)
        if '://' in path or Path(path).exists():
            continue
        folder = next((each for each in folders if (each / path).is_file()), None)
        if folder is None:
            continue
        if is_dataset and key == 'ann_file':
            if cfg.get('data_root') == root and root:
                cfg['data_root'] = str(folder / root)
            part['data_root'] = str(folder / root)
        else:
            part[key] = str(folder / name)
        yield folder


def _list_entries(config: object) -> Iterator[tuple[object, object]]:
    if isinstance(config, Mapping):
        yield from config.items()
    elif isinstance(config, list | tuple):
        yield from enumerate(config)
