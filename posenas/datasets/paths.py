"""What the configs of data sets read, looked for before anything is built."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from posenas.utils.errors import DataError
from posenas.utils.paths import join_path


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


def _list_entries(config: object) -> Iterator[tuple[object, object]]:
    if isinstance(config, Mapping):
        yield from config.items()
    elif isinstance(config, list | tuple):
        yield from enumerate(config)
