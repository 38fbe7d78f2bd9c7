"""What a log says to the person at the screen too, and who shows it there."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

#: Given as ``extra`` to a logger, it marks a line that a person needs.
TOLD: Mapping[str, Any] = MappingProxyType(dict(is_told=True))


def tell(text: str) -> None:
    """Log a line of level INFO that a person needs."""
    from mmengine.logging import MMLogger

    MMLogger.get_current_instance().info(text, extra=TOLD)


class ScreenHandler(logging.Handler):
    """Shows warnings, and lines marked by :func:`tell`; everything else is for the log file.

    Args:
        write: Shows a line; the second argument tells whether it is a warning.
    """

    def __init__(self, write: Callable[[str, bool], None]) -> None:
        super().__init__(logging.INFO)
        self._write = write
        self._seen: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, a warning once."""
        is_warning = record.levelno >= logging.WARNING
        text = record.getMessage().strip()
        if not (is_warning or hasattr(record, 'is_told')) or (is_warning and text in self._seen):
            return
        self._seen.add(text)
        self._write(text, is_warning)


def replace_screen(logger: logging.Logger, handler: logging.Handler) -> list[logging.Handler]:
    """Let a handler show what a logger has shown on the screen; return the handlers of before."""
    before = list(logger.handlers)
    kept = [each for each in before if isinstance(each, logging.FileHandler)]
    logger.handlers[:] = [handler, *kept]
    return before


def find_screen(logger: logging.Logger) -> ScreenHandler | None:
    """Return what :func:`show_told` has given to a logger, if anything."""
    return next((each for each in logger.handlers if isinstance(each, ScreenHandler)), None)


@contextmanager
def show_told(write: Callable[[str, bool], None]) -> Iterator[None]:
    """Show, inside the block, only what a person needs; runners hand this on to their logs.

    Args:
        write: As that of :class:`ScreenHandler`.
    """
    from mmengine.logging import MMLogger

    logger = MMLogger.get_current_instance()
    handler = ScreenHandler(write)
    before = replace_screen(logger, handler)
    try:
        yield
    finally:
        logger.handlers[:] = before
        for other in MMLogger._instance_dict.values():
            if handler in other.handlers:
                other.handlers.remove(handler)
