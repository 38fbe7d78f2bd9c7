"""Turning SIGTERM and SIGINT into a flag that training polls."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: The signals that ask a training to end: of schedulers and of a keyboard.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class SignalFlag:
    """Remembers the first stop signal; the second one acts as it would without us.

    A signal that is ignored stays so: ``nohup`` and the ``&`` of scripts ask for that.

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
            if signal.getsignal(signum) != signal.SIG_IGN:
                self._previous[signum] = signal.signal(signum, self._receive)

    def restore(self) -> None:
        """Stop listening: put the previous handlers back."""
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        self._previous = {}

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        self.received = signum
        self.restore()


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end the process by an exception, so that what it started is cleaned up.

    For work that may stop anywhere. Only the main thread of a process can listen.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def leave_signals_to_parent() -> None:
    """Let a data worker outlive the signals that a terminal or scheduler sends to all processes.

    The main process still needs its batches to finish the iteration. It ends its workers by
    SIGTERM, so that one is obeyed if it comes from there and ignored otherwise; only Linux tells.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, 'sigwaitinfo'):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_await_parent, daemon=True).start()


def _await_parent() -> None:
    """End this process when its parent sends SIGTERM."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
