"""What passes cost: forward in published and in fused form, memory of anything."""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F  # noqa: N812
from mmengine.structures import InstanceData, PixelData
from torch import Tensor, nn

from posenas.apis.building import build_model, find_input_size
from posenas.apis.model_zoo import find_config, is_of_family, list_models
from posenas.models.fused import fuse
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model
from posenas.utils.randomness import Stream, derive_seed
from posenas.utils.timing import draw_weights, take_turns, use_threads

#: Channels and map (H, W) of the 3x3 convolution whose rate is the lower bound.
_BOUND_CHANNELS, _BOUND_MAP = 64, (64, 48)


@dataclass(frozen=True)
class ForwardCost:
    """Times per image; medians over rounds in which the forms take turns.

    Attributes:
        threads: Threads of one operation.
        batch: Images of a pass; a network for videos sees the frames of one period instead.
        macs: Multiply-accumulates of one image in published form, matrix products included.
        eval_ms: The published form in evaluation mode.
        fused_ms: The fused form.
        bound_ms: The same number of multiply-accumulates in 3x3 convolutions of 64 to 64 channels
            on a map of 64x48, which keep the processor as busy as PyTorch can.
        ratio: ``eval_ms / fused_ms``, median of the rounds' own ratios.
    """

    threads: int
    batch: int
    macs: int
    eval_ms: float
    fused_ms: float
    bound_ms: float
    ratio: float


@dataclass(frozen=True)
class NetworkCost:
    """Times of one network.

    Attributes:
        network: Name, the stem of its config.
        input_size: (width, height) of the images.
        forward: The times.
    """

    network: str
    input_size: tuple[int, int]
    forward: ForwardCost


def list_networks(names: Sequence[str | Path] = (), family: str | None = None) -> list[Path]:
    """List the configs of networks.

    Args:
        names: Configs or names of networks; none takes all networks for real images.
        family: Only these of all networks, such as 'dite-hrnet'.

    Raises:
        ConfigError: A name is unknown, or no network fits.
    """
    models = [m for m in list_models() if m.config and 'synthetic' not in m.config.parts]
    chosen = [m.config for m in models if m.config and is_of_family(m, family or '')]
    configs = [find_config(name) for name in names] or chosen
    if not configs:
        raise ConfigError(
            f'family must be one of networks for real images, got {family!r}: posenas models '
            'lists them'
        )
    return configs


def benchmark_forward(
    names: Sequence[str | Path] = (),
    family: str | None = None,
    threads: Sequence[int] = (1,),
    batch: int = 1,
    num_rounds: int = 5,
    progress: Callable[[Iterable[Path]], Iterable[Path]] = iter,
) -> list[NetworkCost]:
    """Time networks in evaluation and in fused form, with random weights, at their input size.

    Args:
        names: As in :func:`list_networks`.
        family: Likewise.
        threads: As in :func:`measure_forward`.
        batch: Likewise.
        num_rounds: Likewise.
        progress: Wraps the configs to show where the benchmark is.

    Returns:
        A record of each network for each number of threads.

    Raises:
        ConfigError: A name is unknown, or no network fits.
    """
    found = []
    for config in progress(list_networks(names, family)):
        cfg, model, _ = build_model(config)
        draw_weights(model)
        size = find_input_size(cfg)
        costs = measure_forward(model, size[::-1], threads, batch, num_rounds)
        found += [NetworkCost(config.stem, size, cost) for cost in costs]
    return found


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
    fused = copy.deepcopy(model)
    fuse(fused)
    generator = torch.Generator().manual_seed(derive_seed(Stream.MEASURED_IMAGES, 0))
    period = getattr(model, 'period', 1)
    batch = period if period > 1 else batch
    images = torch.randn((batch, 3, *shape), generator=generator)
    operations = profile_model(model, images[:period]).operations
    macs = round((operations.macs + operations.matmul) / period)
    work, bound_macs = _make_bound(batch)
    forms = [lambda: model(images), lambda: fused(images), work]
    for number in threads:
        with torch.inference_mode(), use_threads(number):
            rounds = take_turns(forms, num_rounds)
        published, fused_time, bound = (
            1e3 * median(times) / batch for times in zip(*rounds, strict=True)
        )
        yield ForwardCost(
            threads=number,
            batch=batch,
            macs=macs,
            eval_ms=published,
            fused_ms=fused_time,
            bound_ms=bound * macs / bound_macs,
            ratio=median(times[0] / times[1] for times in rounds),
        )


def _make_bound(batch: int) -> tuple[Callable[[], Tensor], int]:
    """Return a dense 3x3 convolution of ``batch`` maps, and its work per image."""
    maps = torch.randn(batch, _BOUND_CHANNELS, *_BOUND_MAP)
    weight = torch.randn(_BOUND_CHANNELS, _BOUND_CHANNELS, 3, 3)
    return lambda: F.conv2d(maps, weight, padding=1), weight.numel() * prod(_BOUND_MAP)


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
        num_joints: Keypoints K.
        input_size: (width, height) of the images.
        heatmap_size: (width, height) of the targets.
        seed: Seed of all numbers.

    Returns:
        Arguments of an estimator's mode 'loss'.
    """
    generator = torch.Generator().manual_seed(derive_seed(Stream.MEASURED_BATCH, seed))
    samples = []
    for _ in range(size):
        sample = PoseDataSample()
        maps = torch.rand((num_joints, *reversed(heatmap_size)), generator=generator)
        sample.gt_fields = PixelData(heatmaps=maps)
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, num_joints))
        samples.append(sample)
    inputs = torch.randn((size, 3, *reversed(input_size)), generator=generator)
    return dict(inputs=inputs, data_samples=samples)
