"""Turning SIGTERM and SIGINT into a flag that training polls."""

import os
import signal
import threading
from types import FrameType

__all__ = ['SignalFlag', 'ignore_stop_signals']

#: The signals that ask a training to end: of schedulers and of a keyboard.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class SignalFlag:
    """Remembers the first stop signal; the second one acts as it would without us.

    Attributes:
        received: Number of the signal, 0 while there was none.
    """

    def __init__(self) -> None:
        self.received = 0
        self._previous: dict[int, object] = {}

    def install(self) -> None:
        """Start listening; only the main thread of a process can, others go without."""
        if threading.current_thread() is not threading.main_thread() or self._previous:
            return
        self.received = 0
        for signum in STOP_SIGNALS:
            self._previous[signum] = signal.signal(signum, self._receive)

    def restore(self) -> None:
        """Stop listening: put the previous handlers back."""
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        self._previous = {}

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        self.received = signum
        self.restore()


def ignore_stop_signals() -> None:
    """Let a data worker outlive the signals that a terminal or launcher sends to a whole group.

    The main process still needs its batches to finish the iteration. A worker therefore leaves
    the group; the main process, and nobody else, ends it by SIGTERM, and it ends by itself when
    the main process is gone.
    """
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
