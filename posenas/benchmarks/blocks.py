"""What blocks and heads of small networks cost in inference engines per multiply-accumulate."""

from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
import torch
from torch import Tensor, nn

from posenas.deploy.parts import open_parts
from posenas.genotype import ConvShape, StagePlan
from posenas.models.fused import fuse
from posenas.models.layers import SqueezeExcitation
from posenas.models.layers.deconv import build_deconv_layers
from posenas.models.layers.edge.blocks import EdgeBlock, make_conv
from posenas.models.layers.edge.last_layers import DeconvLayers, ShuffleLayers, SimCCLayers
from posenas.models.layers.rtmpose.csp import CSPLayer
from posenas.runtime import ENGINES
from posenas.search.latency.measure import settle, time_together
from posenas.utils import check_positive
from posenas.utils.profiling import profile_model
from posenas.utils.timing import draw_weights, use_threads

#: Channels of features of stride 8, 16 and 32 in small networks.
_WIDTHS = (48, 96, 160)
_KEYPOINTS = 17
#: What a call costs with next to no work, one ReLU; the other times are without it.
EMPTY = 'empty network'


@dataclass(frozen=True)
class BlockCost:
    """One block on features of one size.

    Attributes:
        name: What it is.
        input_size: (width, height) of the images.
        shape: (C, H, W) of the features.
        macs: Its multiply-accumulates, 0 for the empty network.
        seconds: Engine -> time of a call; that of the empty network is taken off.
    """

    name: str
    input_size: tuple[int, int]
    shape: tuple[int, int, int]
    macs: int
    seconds: dict[str, float]


class _Upsampled(nn.Sequential):
    """Layers on features of twice the size."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, K, 2 H, 2 W)."""
        return super().forward(nn.functional.interpolate(x, scale_factor=2, mode='nearest'))


def benchmark_blocks(
    input_sizes: Sequence[tuple[int, int]] = ((144, 192), (96, 128)),
    num_rounds: int = 100,
    num_threads: int = 1,
    engines: Sequence[str] = ENGINES,
) -> list[BlockCost]:
    """Time blocks and heads, all in turn, float32, one image, with random weights.

    Args:
        input_sizes: (width, height) of images; features have their size at strides 8, 16 and 32.
        num_rounds: Runs of each; the lower quartile counts, as noise only adds.
        num_threads: Threads of a call; with one, processor time counts.
        engines: What runs them.

    Raises:
        ImportError: An engine is not installed.
    """
    check_positive('num_rounds', num_rounds)
    modules, inputs, known = [], [], []
    for size in input_sizes:
        for level, channels in enumerate(_WIDTHS):
            width, height = (-(-side // (8 << level)) for side in size)
            for name, module in list_blocks(channels, (width, height), level == 0).items():
                part = nn.Sequential(module).eval()
                draw_weights(part)
                x = torch.randn(1, channels, height, width)
                macs = profile_model(part, x).macs
                fuse(part)
                modules.append(part)
                inputs.append(x)
                known.append((name, tuple(size), (channels, height, width), macs))
    clock = process_time if num_threads == 1 else perf_counter
    with TemporaryDirectory() as folder, use_threads(num_threads):
        calls = {e: open_parts(modules, inputs, folder, e, num_threads) for e in engines}
        turns = [call for each in calls.values() for call in each]
        settled = settle(time_together(turns, num_rounds, clock=clock))
        times = dict(zip(engines, settled.reshape(len(engines), -1), strict=True))
    empty = np.array([name == EMPTY for name, *_ in known])
    rest = {engine: np.median(values[empty]) for engine, values in times.items()}
    return [
        BlockCost(
            *about,
            {e: float(values[i] - rest[e] * (not empty[i])) for e, values in times.items()},
        )
        for i, about in enumerate(known)
    ]


def list_blocks(
    channels: int, size: tuple[int, int], with_heads: bool = False
) -> dict[str, nn.Module]:
    """Return blocks by name that read ``channels`` channels.

    Args:
        channels: Channels of the features.
        size: (width, height) of the features.
        with_heads: Whether heads are among them, which double the size.
    """
    blocks = {
        EMPTY: nn.ReLU(),
        'dense 3x3, twice': _block(channels, 'dense', 1),
        'fused, expand 2': _block(channels, 'fused', 2),
        'fused, expand 4': _block(channels, 'fused', 4),
        'inverted 3x3, expand 2': _block(channels, 'inverted', 2),
        **{f'inverted {k}x{k}, expand 4': _block(channels, 'inverted', 4, k) for k in (3, 5, 7)},
        'inverted 3x3, expand 4, attention': _attend(channels),
        **{f'depthwise {k}x{k}, pointwise': _separable(channels, k) for k in (3, 5, 7)},
        'CSP, 1 block': _csp(channels, 1),
        'CSP, 2 blocks': _csp(channels, 2),
        'CSP, 1 block, attention': _csp(channels, 1, attention=True),
        'CSP, 1 block, SiLU': _csp(channels, 1, act='SiLU'),
        '3x3, stride 2': make_conv(ConvShape(channels, channels, 3, stride=2)),
        '3x3, stride 2, twice as wide': make_conv(ConvShape(channels, 2 * channels, 3, stride=2)),
        **{f'3x3, width {w}': make_conv(ConvShape(channels, w, 3)) for w in (16, 32, 64, 128)},
    }
    return blocks | (_list_heads(channels, size) if with_heads else {})


def _list_heads(channels: int, size: tuple[int, int]) -> dict[str, nn.Module]:
    def upsample(width: int) -> nn.Module:
        return _Upsampled(make_conv(ConvShape(channels, width, 3)), nn.Conv2d(width, _KEYPOINTS, 1))

    grouped = build_deconv_layers(channels, [channels], [4], [channels // 3])
    return {
        'head: deconvolution, width 32': DeconvLayers(channels, 32, _KEYPOINTS),
        'head: deconvolution, groups of 3': nn.Sequential(
            grouped, nn.Conv2d(channels, _KEYPOINTS, 1)
        ),
        'head: upsampling, 3x3, width 32': upsample(32),
        'head: pixel shuffle': ShuffleLayers(channels, _KEYPOINTS),
        'head: 3x3, pixel shuffle': nn.Sequential(
            make_conv(ConvShape(channels, channels, 3)), ShuffleLayers(channels, _KEYPOINTS)
        ),
        'head: SimCC': SimCCLayers(channels, _KEYPOINTS, [2 * side for side in size]),
    }


def _block(channels: int, kind: str, expand: int, kernel: int = 3) -> EdgeBlock:
    return EdgeBlock(StagePlan(channels, kind, channels, 1, expand, kernel))


def _attend(channels: int) -> nn.Module:
    """An inverted block that weighs its inner channels."""
    block = _block(channels, 'inverted', 4)
    block.convs.insert(2, SqueezeExcitation(4 * channels, channels))
    return block


def _separable(channels: int, kernel: int) -> nn.Module:
    return nn.Sequential(
        make_conv(ConvShape(channels, channels, kernel, groups=channels)),
        make_conv(ConvShape(channels, channels)),
    )


def _csp(channels: int, depth: int, attention: bool = False, act: str = 'ReLU') -> CSPLayer:
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), act_cfg=dict(type=act))
    return CSPLayer(channels, channels, depth, 0.5, True, False, attention, cfg)
