"""What commands read from their options, and what they check before they build anything."""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.utils.atomic_io import check_writable, make_folder
from posenas.utils.errors import ConfigError, OutputError, PoseNASError

if TYPE_CHECKING:
    from mmengine.config import Config


def read_config(args: argparse.Namespace) -> 'Config':
    """Load and verify ``args.config`` as the options of ``add_config_options`` say.

    Raises:
        ConfigError: It does not exist, has an unknown key or contradicts itself.
    """
    from posenas.apis import load_checked

    return load_checked(args.config, args.cfg_options, args.legacy, args.strict)


def check_paths(
    args: argparse.Namespace,
    *,
    files: Sequence[str] = (),
    folders: Sequence[str] = (),
    new_files: Sequence[str] = (),
    new_folders: Sequence[str] = (),
) -> None:
    """Check paths that options give, before hours of work or a model are spent on them.

    Args:
        args: Parsed options; those that were not given are passed over.
        files: Options of files that must exist.
        folders: Options of folders that must exist.
        new_files: Options of files to write.
        new_folders: Options of folders to write into, which are made.

    Raises:
        ConfigError: What must exist does not, or a file to write is one that another option names;
            the text names the option.
        OutputError: What is to be written cannot be; likewise.
    """
    for name in (*files, *folders):
        value = getattr(args, name)
        wanted, other = ('file', 'folder') if name in files else ('folder', 'file')
        if value is None or '://' in value:
            continue
        path = Path(value).expanduser()
        if not (path.is_file() if name in files else path.is_dir()):
            found = f'{value} is a {other}' if path.exists() else f'there is no {value}'
            raise ConfigError(f'{_option(name)} must be a {wanted}, {found}: check the path')
    for name in new_files:
        _require_own(args, name)
    for name, check in (
        *((name, check_writable) for name in new_files),
        *((name, make_folder) for name in new_folders),
    ):
        if getattr(args, name) is not None:
            try:
                check(getattr(args, name))
            except OutputError as error:
                raise OutputError(f'{_option(name)}: {error}') from error


def _require_own(args: argparse.Namespace, name: str) -> None:
    """Refuse to write a file over one that another option names, to be read or written."""
    path = getattr(args, name)
    if path is None:
        return
    others = [value for other, value in vars(args).items() if other != name]
    flat = [each for value in others for each in (value if isinstance(value, list) else [value])]
    files = (each for each in flat if isinstance(each, str) and Path(each).suffix)
    if any(os.path.realpath(each) == os.path.realpath(path) for each in files):
        raise ConfigError(f'{_option(name)} must be another file, {path} is named twice')


def require_with(args: argparse.Namespace, needed: str, *others: str) -> None:
    """Refuse options that say more about another one which is not given.

    Args:
        args: Parsed options.
        needed: Option that the others need.
        *others: Options that mean nothing without it.

    Raises:
        ConfigError: One is given without it.
    """
    given = [name for name in others if getattr(args, name) not in (None, False, ())]
    if given and not getattr(args, needed):
        raise ConfigError(f'{_option(given[0])} needs {_option(needed)}, got none')


@contextmanager
def speak_of_options(options: Mapping[str, str]) -> Iterator[None]:
    """Let errors speak of options where the library speaks of its arguments.

    Args:
        options: Argument and value, as the text has them -> what is typed.

    Raises:
        PoseNASError: The error of the block, in other words.
    """
    try:
        yield
    except PoseNASError as error:
        text = str(error)
        for argument, option in options.items():
            text = text.replace(argument, option)
        raise type(error)(text) from error


def check_data_paths(cfg: 'Config', *splits: str) -> None:
    """Require the files and folders that data sets of a config name, before a model is built.

    Raises:
        DataError: One does not exist.
    """
    from posenas.datasets.paths import find_missing

    names = [f'{split}_dataloader' for split in splits]
    find_missing({name: cfg.get(name) for name in names})


def _option(name: str) -> str:
    return f'--{name.replace("_", "-")}'
