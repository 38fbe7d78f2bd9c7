"""The folder that commands write to where nobody says where."""

from contextlib import suppress
from pathlib import Path

from posenas.utils.atomic_io import write_text
from posenas.utils.errors import OutputError

#: In the current folder; git ignores it.
OUTPUTS = 'outputs'


def keep_old_place(file: str | Path) -> None:
    """Copy a file to the current folder, where older scripts read it, unless git would list it."""
    here = Path.cwd()
    if not any((folder / '.git').exists() for folder in (here, *here.parents)):
        with suppress(OutputError):  # the other one is there
            write_text(Path(file).name, Path(file).read_text(encoding='utf-8'))


def hide_outputs() -> None:
    """Let git ignore the folder, if it is there."""
    marker = Path(OUTPUTS, '.gitignore')
    if marker.parent.is_dir() and not marker.exists():
        write_text(marker, '*\n')
