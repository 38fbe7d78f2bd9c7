"""Where independent tasks run: one after another in this process, or on a Ray cluster."""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import lru_cache
from importlib import import_module
from typing import Any

from posenas.utils.checks import check_choice
from posenas.utils.errors import ConfigError, PoseNASError
from posenas.utils.optional import import_optional

#: Names of executors.
EXECUTORS = ('process', 'ray')
#: Attempts beside the first one of a task whose process was killed.
_RETRIES = 5


class Executor(ABC):
    """Runs tasks, each a pure function of what all share and of its own arguments.

    Use it in a ``with`` block, whose end lets go of what it holds.
    """

    def __enter__(self) -> 'Executor':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027
        """Let go of processes and memory; nothing by default."""

    def share(self, value: object) -> object:
        """Return what stands for ``value``, the first argument of many tasks."""
        return value

    @abstractmethod
    def submit(self, work: Callable, shared: object, *arguments: object) -> Future:
        """Begin ``work(shared, *arguments)``; ``shared`` is of :meth:`share`."""

    @abstractmethod
    def map(
        self, work: Callable, shared: object, tasks: Iterable[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """Yield results in the order of ``tasks``, whichever is finished first."""


class ProcessExecutor(Executor):
    """Runs one task after another in this process."""

    def submit(self, work: Callable, shared: object, *arguments: object) -> Future:
        """Run it now."""
        done: Future = Future()
        done.set_result(work(shared, *arguments))
        return done

    def map(
        self, work: Callable, shared: object, tasks: Iterable[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """Run each task when its result is asked for."""
        return (work(shared, *arguments) for arguments in tasks)


class RayExecutor(Executor):
    """Runs tasks in the processes of a Ray cluster; those whose process is killed run again.

    Tasks run in the folder of this process, which all machines must see under the same name. Each
    takes a GPU where the cluster has some.

    Args:
        address: Of a cluster, such as 'auto' or 'HOST:6379'; None starts one on this machine, which
            ends with this process.
        cpus: Processors that a task takes.

    Raises:
        PackageError: Ray is not installed.
        ConfigError: The cluster cannot be reached, or no machine of it has as many processors.
    """

    def __init__(self, address: str | None = None, cpus: int = 1) -> None:
        self._ray = ray = import_optional('ray', 'ray')
        self._is_own = not ray.is_initialized()
        if self._is_own:
            _connect(ray, address or 'local')
        machines = [node['Resources'] for node in ray.nodes() if node['Alive']]
        most = max((int(machine.get('CPU', 0)) for machine in machines), default=0)
        if most < cpus:
            self.close()
            raise ConfigError(
                f'a machine of the cluster must have the {cpus} processors of a task, got {most} '
                'at most: give fewer --threads'
            )
        gpus = int(any(machine.get('GPU') for machine in machines))
        options = dict(num_cpus=cpus, num_gpus=gpus, max_retries=_RETRIES)
        self._remote = ray.remote(**options)(_run)

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        if self._is_own:
            self._ray.shutdown()

    def share(self, value: object) -> object:
        """Hand ``value`` to the cluster, once for all tasks."""
        return (self._ray.put(value),)  # inside of a tuple it stays a reference

    def submit(self, work: Callable, shared: object, *arguments: object) -> Future:
        """Begin the task on some machine; errors are those of ``work`` itself."""
        task = (self._ray.put((work, arguments)),)
        begun = self._remote.remote(os.getcwd(), sys.path, task, shared).future()
        done: Future = Future()
        begun.add_done_callback(lambda ended: _hand_on(ended, done))
        return done

    def map(
        self, work: Callable, shared: object, tasks: Iterable[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """Begin all tasks, then yield results in their order."""
        begun = [self.submit(work, shared, *arguments) for arguments in tasks]
        return (future.result() for future in begun)


def make_executor(name: str = 'process', address: str | None = None, cpus: int = 1) -> Executor:
    """Make an executor by its name.

    Args:
        name: One of :data:`EXECUTORS`.
        address: Of a Ray cluster; see :class:`RayExecutor`.
        cpus: Processors that a task takes.

    Raises:
        ConfigError: There is no such executor, or it cannot be had.
        PackageError: Ray is not installed.
    """
    check_choice('executor', name, EXECUTORS)
    if name == 'ray':
        return RayExecutor(address, cpus)
    if address is not None:
        raise ConfigError(f'address must be that of a Ray cluster, got {address!r}: set executor')
    return ProcessExecutor()


def _connect(ray: Any, address: str) -> None:  # noqa: ANN401  (a module)
    """Join or start a cluster, which reports nothing to anybody."""
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    try:
        ray.init(
            address=address,
            include_dashboard=False,
            log_to_driver=False,
            logging_level='ERROR',
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).partition('\n')[0]
        raise ConfigError(
            f'address must be that of a Ray cluster, got {address!r}: {reason}; start one, or '
            'leave --address out'
        ) from error


def _hand_on(ended: Future, done: Future) -> None:
    """Give ``done`` the result of a task of Ray, or the error that it ended with."""
    error = ended.exception()
    if error is None:
        done.set_result(ended.result())
        return
    cause = getattr(error, 'cause', None)
    reason = str(error).partition('\n')[0]
    done.set_exception(
        cause
        if isinstance(cause, Exception)
        else PoseNASError(f'a task must end by itself, but its process was ended: {reason}')
    )


@lru_cache(maxsize=1)
def _fetch(reference: object) -> Any:  # noqa: ANN401  (whatever was shared)
    """Return what is shared; a process fetches it once for all of its tasks."""
    return import_module('ray').get(reference)


def _run(folder: str, paths: Sequence[str], task: tuple, shared: tuple) -> object:
    """Run a task in a process of the cluster, which finds modules where the first process does."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f'{folder} must exist on all machines of the Ray cluster: share it between them'
        )
    os.chdir(folder)
    sys.path += [path for path in paths if path not in sys.path]
    work, arguments = import_module('ray').get(*task)
    return work(_fetch(*shared), *arguments)
