"""MobileNetV2 as a pyramid of features."""

from collections.abc import Iterator, Sequence
from typing import Self

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.layers.checkpointing import checkpoint_module
from posenas.models.layers.freezing import fix_statistics
from posenas.models.layers.initialization import KAIMING_INIT
from posenas.registry import MODELS
from posenas.utils import ConfigError

_STEM_CHANNELS = 32
#: Expansion, channels, number of blocks and stride of the first one, from table 2 of the paper.
_GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """Widen by a 1x1, filter each channel by a 3x3, project by a linear 1x1 convolution.

    Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, section 3.3.
    The input is added where stride and channels allow it.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Stride of the 3x3 convolution.
        expansion: Channels inside divided by ``in_channels``; 1 omits the first convolution.
        norm_cfg: Normalisation layer.
        with_cp: Whether to recompute the block in the backward pass to save memory.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        expansion: int,
        norm_cfg: dict,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        width = in_channels * expansion
        widen = [] if expansion == 1 else _conv_norm_act(in_channels, width, norm_cfg, 1)
        self.conv = nn.Sequential(
            *widen,
            *_conv_norm_act(width, width, norm_cfg, 3, stride=stride, padding=1, groups=width),
            nn.Conv2d(width, out_channels, 1, bias=False),
            build_norm_layer(norm_cfg, out_channels)[1],
        )
        self.with_shortcut = stride == 1 and in_channels == out_channels
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        out = checkpoint_module(self, self.conv, x) if self.with_cp else self.conv(x)
        return x + out if self.with_shortcut else out


@MODELS.register_module()
class MobileNetV2Pyramid(BaseModule):
    """MobileNetV2 of width 1, by default as a pyramid of strides 4, 8, 16 and 32.

    Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, table 2; with
    the parameter names of Yang et al., Pose Neural Fabrics Search, arXiv 1909.07068. Block 0 is the
    stem, 1 to 17 are inverted residuals; blocks behind the last returned one are not built.

    Args:
        in_channels: Channels of the image.
        out_indices: Blocks whose maps are returned, 0 to 17, in this order.
        unused_tail: Whether the blocks behind the last returned one are built after all, to hold
            what published checkpoints have there. They are never run nor trained.
        norm_cfg: Normalisation layer; None is ``BN``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether blocks are recomputed in the backward pass to save memory.
        init_cfg: Initialisation; None draws convolutions by He's rule for the backward pass and
            sets norms to 1.
        frozen: Whether nothing is trained; statistics of batch norms still follow the data.

    Raises:
        ConfigError: ``out_indices`` names blocks that do not exist.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_indices: Sequence[int] = (3, 6, 13, 16),
        unused_tail: bool = False,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__(init_cfg or KAIMING_INIT)
        blocks = list(_list_blocks())
        if not out_indices or not all(0 <= i <= len(blocks) for i in out_indices):
            raise ConfigError(f'out_indices must lie in 0..{len(blocks)}, got {tuple(out_indices)}')
        self.out_indices, self.norm_eval = tuple(out_indices), norm_eval
        self.num_executed = max(out_indices) + 1
        norm_cfg = norm_cfg or dict(type='BN')
        stem = _conv_norm_act(in_channels, _STEM_CHANNELS, norm_cfg, 3, stride=2, padding=1)
        features: list[nn.Module] = [nn.Sequential(*stem)]
        width = _STEM_CHANNELS
        for expansion, channels, stride in blocks:
            block = InvertedResidual(width, channels, stride, expansion, norm_cfg, with_cp)
            features.append(block)
            width = channels
        if not unused_tail:
            del features[self.num_executed :]
        self.features = nn.ModuleList(features)
        self.features[0 if frozen else self.num_executed :].requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; ``norm_eval`` stays in force."""
        super().train(mode)
        if mode and self.norm_eval:
            fix_statistics(self)
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, in_channels, H, W).

        Returns:
            For each of ``out_indices`` the map of that block; by default 24, 32, 96 and 160
            channels at strides 4, 8, 16 and 32.
        """
        features = []
        for block in self.features[: self.num_executed]:
            x = block(x)
            features.append(x)
        return tuple(features[i] for i in self.out_indices)


def _list_blocks() -> Iterator[tuple[int, int, int]]:
    """Yield expansion, channels and stride of every inverted residual."""
    for expansion, channels, number, stride in _GROUPS:
        for i in range(number):
            yield expansion, channels, stride if i == 0 else 1


def _conv_norm_act(
    in_channels: int, out_channels: int, norm_cfg: dict, kernel_size: int, **conv_cfg: int
) -> list[nn.Module]:
    """Make a convolution without bias, its norm and ReLU6."""
    return [
        nn.Conv2d(in_channels, out_channels, kernel_size, bias=False, **conv_cfg),
        build_norm_layer(norm_cfg, out_channels)[1],
        nn.ReLU6(inplace=True),
    ]
