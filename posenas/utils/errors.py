"""Exceptions of posenas; each also is the built-in that callers would expect."""


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
