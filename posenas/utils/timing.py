"""Time and memory of calls that take turns, so that other programs disturb all of them alike."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil, prod, sqrt
from time import perf_counter, thread_time

import cv2
import torch
from torch import Tensor, nn

from posenas.utils.randomness import Stream, derive_seed

#: Shortest time for which a call is repeated before the next one gets its turn, seconds.
_MIN_TURN = 0.05
#: Shortest time that is taken from a clock, seconds.
_LEAST_TIME = 1e-5


@torch.no_grad()
def draw_weights(model: nn.Module) -> None:
    """Draw weights that keep activations in a normal range, in place; always the same ones.

    Initial weights would let them fade to denormal numbers, with which processors are slow.
    """
    generator = torch.Generator().manual_seed(derive_seed(Stream.MEASURED_WEIGHTS, 0))
    for name, parameter in model.named_parameters():
        if name.endswith('bias'):
            parameter.zero_()
        elif parameter.dim() >= 2:
            fan_in = prod(parameter.shape[2 if parameter.dim() == 5 else 1 :])
            parameter.normal_(0, sqrt(2 / max(fan_in, 1)), generator=generator)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for values in (module.weight, module.running_var):
                if values is not None:
                    values.uniform_(0.5, 1.5, generator=generator)


def take_turns(
    forms: Sequence[Callable[[], object]],
    num_rounds: int,
    clock: Callable[[], float] | None = None,
) -> list[list[float]]:
    """Return for every round the seconds of one call of each form.

    Args:
        forms: What to call.
        num_rounds: Rounds.
        clock: Tells the time, seconds; None takes :func:`choose_clock`, which knows one thread only
            where the work is done by the thread that calls.
    """
    clock = clock or choose_clock()
    calls = []
    for form in forms:
        form()  # the first call allocates and prepares
        calls.append(ceil(_MIN_TURN / max(_time(form, 1, clock), _LEAST_TIME)))
    return [
        [_time(form, number, clock) for form, number in zip(forms, calls, strict=True)]
        for _ in range(num_rounds)
    ]


def _time(function: Callable[[], object], num_calls: int, clock: Callable[[], float]) -> float:
    """Return the seconds of one of several calls."""
    start = clock()
    for _ in range(num_calls):
        function()
    return (clock() - start) / num_calls


def choose_clock() -> Callable[[], float]:
    """Return what tells the time, seconds.

    That of one thread stands still while other programs have the processor.
    """
    return thread_time if torch.get_num_threads() == 1 else perf_counter


@contextmanager
def use_threads(number: int) -> Iterator[None]:
    """Compute with this many threads, in PyTorch and in OpenCV."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(number)
    cv2.setNumThreads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def measure_peak_memory(work: Callable[[], object]) -> int:
    """Return the largest number of bytes that ``work`` has allocated at one time, on the CPU.

    Memory from before, such as that of the weights, does not count.
    """
    with torch.autograd.profiler.profile(profile_memory=True) as profile:
        work()
    events = profile.kineto_results.events()
    changes = [(e.start_ns(), e.nbytes()) for e in events if e.name() == '[memory]']
    live = peak = 0
    for _, change in sorted(changes, key=lambda item: item[0]):
        live += change
        peak = max(peak, live)
    return peak


def count_saved_bytes(work: Callable[[], object]) -> int:
    """Return the bytes of all storages that ``work`` keeps for a backward pass.

    Those of weights that it keeps count too.
    """
    storages: dict[int, int] = {}
    kept = []  # what were freed could be mistaken for what takes its place

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        kept.append(storage)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        work()
    return sum(storages.values())
