"""Import packages that are extras, or say what to install."""

from importlib import import_module
from types import ModuleType


def import_optional(name: str, extra: str) -> ModuleType:
    """Import the optional module ``name``.

    Args:
        name: Module to import.
        extra: Extra of posenas that installs it, for the message.

    Raises:
        ImportError: It is not installed; the text gives the command that installs it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f'{name} is needed here but not installed: pip install "posenas[{extra}]"'
        ) from error
