"""MobileNetV2: as a pyramid of features, and under the names of MMPose."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.backbones.staged_backbone import StagedBackbone
from posenas.models.layers.checkpointing import checkpoint_module
from posenas.models.layers.freezing import fix_statistics
from posenas.models.layers.initialization import KAIMING_INIT
from posenas.models.layers.widths import round_channels
from posenas.registry import MODELS
from posenas.utils import ConfigError

if TYPE_CHECKING:
    from typing import Self

_STEM_CHANNELS, _LAST_CHANNELS = 32, 1280
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

    def train(self, mode: bool = True) -> 'Self':
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


class InvertedUnit(nn.Module):
    """:class:`InvertedResidual` under the names of MMPose.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Stride of the 3x3 convolution.
        expansion: Channels inside divided by ``in_channels``; 1 omits the first convolution.
        cfg: ``conv_cfg``, ``norm_cfg`` and ``act_cfg``.
        with_cp: Whether to recompute the block in the backward pass to save memory.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        expansion: int,
        cfg: dict,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        width = in_channels * expansion
        widen = [] if expansion == 1 else [ConvModule(in_channels, width, 1, **cfg)]
        self.conv = nn.Sequential(
            *widen,
            ConvModule(width, width, 3, stride, padding=1, groups=width, **cfg),
            ConvModule(width, out_channels, 1, **dict(cfg, act_cfg=None)),
        )
        self.with_shortcut = stride == 1 and in_channels == out_channels
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        out = checkpoint_module(self, self.conv, x) if self.with_cp else self.conv(x)
        return x + out if self.with_shortcut else out


@MODELS.register_module()
class MobileNetV2(StagedBackbone):
    """MobileNetV2 of any width, under the names of MMPose.

    Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, table 2.

    Args:
        widen_factor: Factor of all channels; the last layer never gets narrower.
        out_indices: Layers whose maps are returned, in this order: 0 to 6 the groups of inverted
            residuals, 7 the 1x1 convolution behind them.
        frozen_stages: The stem and this many layers are neither trained nor do they update their
            statistics; 0 freezes the stem, -1 nothing.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        act_cfg: Activation; None is ``ReLU6``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether blocks are recomputed in the backward pass to save memory.
        init_cfg: Initialisation; None draws convolutions by He's rule and sets norms to 1.

    Raises:
        ConfigError: ``out_indices`` or ``frozen_stages`` name layers that do not exist.
    """

    def __init__(
        self,
        widen_factor: float = 1.0,
        out_indices: Sequence[int] = (7,),
        frozen_stages: int = -1,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        act_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        init_cfg = KAIMING_INIT if init_cfg is None else init_cfg
        super().__init__(len(_GROUPS) + 1, out_indices, frozen_stages, norm_eval, init_cfg)
        cfg = dict(
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg or dict(type='BN'),
            act_cfg=act_cfg or dict(type='ReLU6'),
        )
        width = round_channels(_STEM_CHANNELS * widen_factor)
        self.conv1 = ConvModule(3, width, 3, stride=2, padding=1, **cfg)
        for i, (expansion, group_channels, number, stride) in enumerate(_GROUPS, start=1):
            channels = round_channels(group_channels * widen_factor)
            blocks = []
            for k in range(number):
                step = stride if k == 0 else 1
                blocks.append(InvertedUnit(width, channels, step, expansion, cfg, with_cp))
                width = channels
            self.add_module(f'layer{i}', nn.Sequential(*blocks))
        self.conv2 = ConvModule(width, int(_LAST_CHANNELS * max(widen_factor, 1.0)), 1, **cfg)
        self._freeze()

    def _list_layers(self) -> list[nn.Module]:
        """Return what runs behind the stem."""
        groups = [getattr(self, f'layer{i}') for i in range(1, len(_GROUPS) + 1)]
        return [*groups, self.conv2]


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
