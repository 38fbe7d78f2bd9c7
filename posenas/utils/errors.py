"""Exceptions of posenas; each also is the built-in that callers would expect."""

from collections.abc import Iterator
from contextlib import contextmanager


class PoseNASError(Exception):
    """Base of all deliberate errors; the text says what must hold, what came, what to do."""


class ConfigError(PoseNASError, ValueError):
    """A config or command line cannot mean anything: unknown key, wrong type, shapes that clash."""


class DataError(PoseNASError, ValueError):
    """An image, video or annotation file is missing, broken or contradicts itself."""


class CheckpointError(PoseNASError, RuntimeError):
    """A checkpoint cannot be read safely or does not fit the model."""


class OutputError(PoseNASError, OSError):
    """A file cannot be written: full disk, missing right, a file where a folder must be."""


class PackageError(PoseNASError, ImportError):
    """A package that only a part of the library needs is not installed."""


#: What constructors raise over arguments that mean nothing: ours ValueError, others' any of these.
_IMPOSSIBLE = (
    *(ValueError, TypeError, LookupError, AssertionError, AttributeError, NotImplementedError),
    *(ArithmeticError, RuntimeError),
)


@contextmanager
def refuse_impossible(what: str) -> Iterator[None]:
    """Turn what a config makes impossible to construct into a ConfigError about ``what``.

    Raises:
        ConfigError: The block raised an error that is none of ours, nor one of files or memory.
    """
    try:
        yield
    except PoseNASError:
        raise
    except _IMPOSSIBLE as error:
        if 'memory' in str(error):
            raise
        kind = '' if type(error) is ValueError else f'{type(error).__name__}: '
        raise ConfigError(f'{what} cannot be built from its config: {kind}{error}') from error
