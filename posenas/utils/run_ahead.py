"""Stages that overlap: a thread makes the next items while the last ones are used."""

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar('Item')

#: Seconds after which a waiting thread looks whether it is still needed.
_PATIENCE = 0.1


def run_ahead(items: Iterable[Item], depth: int = 1) -> Iterator[Item]:
    """Yield ``items`` in their order, which a thread of its own makes ahead.

    At most ``depth`` items wait, one more is being made. What ``items`` raises is raised here,
    after the items before. Closing the iterator ends the thread and closes ``items``.

    Args:
        items: What the thread goes through.
        depth: Items that may wait.
    """
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_produce, args=(items, ready, stopped), daemon=True)
    thread.start()
    try:
        while (found := ready.get())[0] == 'item':
            yield found[1]
            del found
        if found[0] == 'error':
            raise found[1]
    finally:
        stopped.set()
        thread.join()


def _produce(items: Iterable, ready: queue.Queue, stopped: threading.Event) -> None:
    """Put items into ``ready`` until they end, fail, or nobody wants more."""

    def hand_over(kind: str, value: object) -> None:
        while not stopped.is_set():
            try:
                return ready.put((kind, value), timeout=_PATIENCE)
            except queue.Full:
                continue

    source = iter(items)
    try:
        for item in source:
            hand_over('item', item)
            del item  # or it would live until the next one is made
            if stopped.is_set():
                return
        hand_over('end', None)
    except BaseException as error:  # raised anew where the items are used
        hand_over('error', error)
    finally:
        if hasattr(source, 'close'):
            source.close()


class StageClock:
    """How long each stage was at work, without the time it waited for others.

    Attributes:
        seconds: Stage -> elapsed time at work.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Count the time of a block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            with self._lock:  # two threads may be at work for one stage
                self.seconds[stage] = self.seconds.get(stage, 0.0) + spent

    def measure_items(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """Yield ``items`` and count the time that making them takes."""
        source = iter(items)
        end = object()
        try:
            while True:
                with self.measure(stage):
                    item = next(source, end)
                if item is end:
                    return
                yield item
        finally:
            if hasattr(source, 'close'):
                source.close()
