"""Import packages that are extras, or say what to install."""

from importlib import import_module
from types import ModuleType

from posenas.utils.errors import PackageError


def import_optional(name: str, extra: str) -> ModuleType:
    """Import the optional module ``name``.

    Args:
        name: Module to import.
        extra: Extra of posenas that installs it, for the message.

    Raises:
        PackageError: It is not installed; the text gives the command that installs it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise PackageError(
            f'{name} is needed here but not installed: pip install "posenas[{extra}]"'
        ) from error
