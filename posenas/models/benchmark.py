"""What passes cost: forward in published and in deploy form, memory of anything."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, prod, sqrt
from statistics import median
from time import perf_counter, thread_time

import torch
import torch.nn.functional as F  # noqa: N812
from mmengine.structures import InstanceData, PixelData
from torch import Tensor, nn

from posenas.models.deploy_form import switch_to_deploy
from posenas.structures import PoseDataSample
from posenas.utils.profiling import profile_model

__all__ = [
    'ForwardCost',
    'choose_clock',
    'count_saved_bytes',
    'draw_batch',
    'draw_weights',
    'measure_forward',
    'measure_peak_memory',
    'take_turns',
    'use_threads',
]

#: Shortest time for which a form runs before the next one gets its turn, seconds.
_MIN_TURN = 0.05
#: Channels and map (H, W) of the 3x3 convolution whose rate is the bound.
_BOUND_CHANNELS, _BOUND_MAP = 64, (64, 48)


@dataclass(frozen=True)
class ForwardCost:
    """Times per image; medians over rounds in which the forms take turns.

    Attributes:
        threads: Threads of one operation.
        batch: Images of a pass.
        num_rounds: Rounds.
        macs: Multiply-accumulates of one image in published form, matrix products included.
        eval_ms: The published form in evaluation mode.
        deploy_ms: The deploy form.
        bound_ms: The same number of multiply-accumulates in 3x3 convolutions of 64 to 64 channels
            on a map of 64x48, which keep the processor as busy as PyTorch can.
        ratio: ``eval_ms / deploy_ms``, median of the rounds' own ratios.
    """

    threads: int
    batch: int
    num_rounds: int
    macs: int
    eval_ms: float
    deploy_ms: float
    bound_ms: float
    ratio: float


@torch.no_grad()
def draw_weights(model: nn.Module) -> None:
    """Draw weights that keep activations in a normal range, in place.

    Initial weights would let them fade to denormal numbers, with which processors are slow.
    """
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if parameter.dim() >= 2:
            fan_in = prod(parameter.shape[2 if parameter.dim() == 5 else 1 :])
            parameter.normal_(0, sqrt(2 / max(fan_in, 1)), generator=generator)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for values in (module.weight, module.running_var):
                if values is not None:
                    values.uniform_(0.5, 1.5, generator=generator)


def measure_forward(
    model: nn.Module, shape: Sequence[int], threads: Sequence[int], batch: int, num_rounds: int
) -> Iterator[ForwardCost]:
    """Time a network in both forms.

    Args:
        model: Pose estimator or any network of (B, 3, H, W); put into evaluation mode.
        shape: (H, W) of the input.
        threads: Numbers of threads to measure with, one after the other.
        batch: Images of a pass.
        num_rounds: Rounds; in each the forms run one after the other, so that other programs
            disturb all of them alike.

    Yields:
        One record for each number of threads.
    """
    model.eval()
    deployed = copy.deepcopy(model)
    switch_to_deploy(deployed)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn((batch, 3, *shape), generator=generator)
    operations = profile_model(model, images[:1]).operations
    macs = operations.macs + operations.matmul
    work, bound_macs = _make_bound(batch)
    forms = [lambda: model(images), lambda: deployed(images), work]
    for number in threads:
        with torch.inference_mode(), use_threads(number):
            rounds = take_turns(forms, num_rounds)
        published, deploy, bound = (
            1e3 * median(times) / batch for times in zip(*rounds, strict=True)
        )
        yield ForwardCost(
            threads=number,
            batch=batch,
            num_rounds=num_rounds,
            macs=macs,
            eval_ms=published,
            deploy_ms=deploy,
            bound_ms=bound * macs / bound_macs,
            ratio=median(times[0] / times[1] for times in rounds),
        )


def _make_bound(batch: int) -> tuple[Callable[[], Tensor], int]:
    """Return a dense 3x3 convolution of ``batch`` maps, and its work per image."""
    maps = torch.randn(batch, _BOUND_CHANNELS, *_BOUND_MAP)
    weight = torch.randn(_BOUND_CHANNELS, _BOUND_CHANNELS, 3, 3)
    return lambda: F.conv2d(maps, weight, padding=1), weight.numel() * prod(_BOUND_MAP)


def take_turns(forms: Sequence[Callable[[], object]], num_rounds: int) -> list[list[float]]:
    """Return for every round the seconds of one call of each form."""
    calls = []
    for form in forms:
        form()  # the first call allocates and prepares
        calls.append(ceil(_MIN_TURN / _time(form, 1)))
    return [
        [_time(form, number) for form, number in zip(forms, calls, strict=True)]
        for _ in range(num_rounds)
    ]


def _time(function: Callable[[], object], num_calls: int) -> float:
    """Return the seconds of one of several calls."""
    clock = choose_clock()
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
    """Compute with this many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def draw_batch(
    size: int,
    num_joints: int,
    input_size: Sequence[int],
    heatmap_size: Sequence[int],
    seed: int = 0,
) -> dict:
    """Draw images and targets as noise.

    Args:
        size: Images B.
        num_joints: Joints K.
        input_size: (width, height) of the images.
        heatmap_size: (width, height) of the targets.
        seed: Seed of all numbers.

    Returns:
        Arguments of an estimator's mode 'loss'.
    """
    generator = torch.Generator().manual_seed(seed)
    samples = []
    for _ in range(size):
        sample = PoseDataSample()
        maps = torch.rand((num_joints, *reversed(heatmap_size)), generator=generator)
        sample.gt_fields = PixelData(heatmaps=maps)
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, num_joints))
        samples.append(sample)
    inputs = torch.randn((size, 3, *reversed(input_size)), generator=generator)
    return dict(inputs=inputs, data_samples=samples)


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
