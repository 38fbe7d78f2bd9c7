"""How branches of Lite-HRNet and Dite-HRNet exchange their maps, and are joined at the end.

Yu et al., Lite-HRNet: A Lightweight High-Resolution Network, CVPR 2021, section 3. Attributes that
hold parameters keep the release's names.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch.nn.functional as F  # noqa: N812
from mmcv.cnn import DepthwiseSeparableConvModule, build_conv_layer, build_norm_layer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.models.layers.multi_resolution import make_fuse_layers
from posenas.utils import check_choice


class DepthwisePointwise(nn.Sequential):
    """Depthwise and 1x1 convolution, each normalised, and an optional ReLU."""


def make_dw_pw_unit(
    in_channels: int,
    out_channels: int,
    stride: int,
    conv_cfg: dict | None = None,
    norm_cfg: dict | None = None,
    with_relu: bool = True,
) -> DepthwisePointwise:
    """Make a depthwise 3x3 and a 1x1 convolution, each normalised, and a last ReLU."""
    norm_cfg = norm_cfg or dict(type='BN')
    depthwise = build_conv_layer(
        conv_cfg,
        in_channels,
        in_channels,
        3,
        stride=stride,
        padding=1,
        groups=in_channels,
        bias=False,
    )
    return DepthwisePointwise(
        depthwise,
        build_norm_layer(norm_cfg, in_channels)[1],
        build_conv_layer(conv_cfg, in_channels, out_channels, 1, bias=False),
        build_norm_layer(norm_cfg, out_channels)[1],
        *([nn.ReLU(inplace=True)] if with_relu else []),
    )


@contextmanager
def count_statistics_twice(module: nn.Module) -> Iterator[None]:
    """Let one call of ``module`` move its running statistics as two equal calls would.

    With momentum m, two updates by the same batch equal one with momentum 1 - (1 - m) ** 2.
    """
    norms = [
        child
        for child in module.modules()
        if isinstance(child, _BatchNorm) and child.training and child.track_running_stats
    ]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = _momentum_of_two_calls(norm)
    try:
        yield
        for norm in norms:
            norm.num_batches_tracked.add_(1)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def _momentum_of_two_calls(norm: _BatchNorm) -> float:
    if norm.momentum is None:  # the plain mean over all batches so far
        return 2 / (int(norm.num_batches_tracked) + 2)
    return 1 - (1 - norm.momentum) ** 2


class ExchangeModule(nn.Module):
    """Blocks on parallel branches, then an exchange between all of them.

    The releases add in place, so that branch 0 counts twice everywhere and the other branches
    receive it after its own sum; published weights depend on it. They evaluate the paths from
    branch 0 twice; here these run once and are doubled, which gives the same floats, and their
    running statistics move as by two evaluations.

    Args:
        layers: The blocks, from all branches to all branches.
        channels: Channels C_i of each branch, the largest map first.
        with_fuse: Whether branches are exchanged; a single branch has nothing to exchange.
        fuse_mode: 'legacy' is the release's sum, 'clean' the plain one of the blocks' outputs.
        num_outputs: Branches that receive, the first ones; None: all.
        sends_rectified: Whether the others receive the sum of branch 0 rectified, in 'legacy'.
        conv_cfg: Convolution layer of the exchange.
        norm_cfg: Its normalisation layer; None is ``BN``.

    Raises:
        ValueError: ``fuse_mode`` is unknown.
    """

    def __init__(
        self,
        layers: nn.Module,
        channels: Sequence[int],
        with_fuse: bool = True,
        fuse_mode: str = 'legacy',
        num_outputs: int | None = None,
        sends_rectified: bool = True,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        check_choice('fuse_mode', fuse_mode, ('legacy', 'clean'))
        self.fuse_mode, self.sends_rectified = fuse_mode, sends_rectified
        self.num_outputs = len(channels) if num_outputs is None else num_outputs
        self.layers = layers

        def down_unit(channels_in: int, channels_out: int, is_last: bool) -> nn.Sequential:
            return make_dw_pw_unit(
                channels_in, channels_out, 2, conv_cfg, norm_cfg, with_relu=not is_last
            )

        self.with_fuse = with_fuse and len(channels) > 1
        if self.with_fuse:
            self.fuse_layers = make_fuse_layers(
                channels, self.num_outputs, down_unit, conv_cfg, norm_cfg
            )
            self.relu = nn.ReLU(inplace=True)

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Map all branches, (B, C_i, H_i, W_i) each, to the same shapes."""
        branches = self.layers(branches)
        if not self.with_fuse:
            return branches
        sources = range(len(branches))
        if self.fuse_mode == 'clean':
            return [self.relu(self._add(i, sources, branches)) for i in range(self.num_outputs)]
        sources = sources[1:]
        total = self._add(0, sources, branches, start=2 * branches[0])
        if self.sends_rectified:
            total = self.relu(total)
        outputs = [total]
        for i in range(1, self.num_outputs):
            start = 2 * self._send_first(total, i)
            outputs.append(self.relu(self._add(i, sources, branches, start)))
        # not in place where the paths read it before
        outputs[0] = total if self.sends_rectified else total.relu()
        return outputs

    def _send_first(self, first: Tensor, target: int) -> Tensor:
        """Bring the finished branch 0 to branch ``target``."""
        path = self.fuse_layers[target][0]
        if not self.training:
            return path(first)
        with count_statistics_twice(path):
            return path(first)

    def _add(
        self,
        target: int,
        sources: Sequence[int],
        branches: Sequence[Tensor],
        start: Tensor | None = None,
    ) -> Tensor:
        """Add ``sources``, brought to the size of branch ``target``, to ``start``."""
        total = start
        for source in sources:
            path = self.fuse_layers[target][source]
            term = branches[source] if path is None else path(branches[source])
            total = term if total is None else total + term
        return total


class IterativeHead(nn.Module):
    """Join all branches, from the smallest map to the largest, by depthwise separable convolutions.

    Args:
        channels: Channels C_i of each branch, the largest map first.
        conv_cfg: Convolution layer.
        norm_cfg: Normalisation layer; None is ``BN``.
    """

    def __init__(
        self,
        channels: Sequence[int],
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        upwards = channels[::-1]
        self.projects = nn.ModuleList(
            DepthwiseSeparableConvModule(
                width,
                next_width,
                3,
                padding=1,
                conv_cfg=conv_cfg,
                norm_cfg=norm_cfg or dict(type='BN'),
                dw_act_cfg=None,
            )
            for width, next_width in zip(upwards, (*upwards[1:], channels[0]), strict=True)
        )

    def forward(self, branches: Sequence[Tensor]) -> Tensor:
        """Map all branches, (B, C_i, H_i, W_i) each, to one map (B, C_0, H_0, W_0)."""
        joined = None
        for x, project in zip(branches[::-1], self.projects, strict=True):
            if joined is not None:
                x = x + F.interpolate(joined, x.shape[2:], mode='bilinear', align_corners=True)
            joined = project(x)
        return joined
