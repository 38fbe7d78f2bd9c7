"""The folder that commands write to where nobody says where."""

from pathlib import Path

from posenas.utils.atomic_io import write_text

#: In the current folder; git ignores it.
OUTPUTS = 'outputs'


def hide_outputs() -> None:
    """Let git ignore the folder, if it is there."""
    marker = Path(OUTPUTS, '.gitignore')
    if marker.parent.is_dir() and not marker.exists():
        write_text(marker, '*\n')
