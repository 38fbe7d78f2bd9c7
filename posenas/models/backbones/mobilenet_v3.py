"""MobileNetV3, one of the two networks that ViPNAS is compared with."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mmcv.cnn import ConvModule
from torch import nn

from posenas.models.backbones.staged_backbone import StagedBackbone
from posenas.models.backbones.vipnas_mobilenet_v3 import ViPNASInvertedResidual
from posenas.models.layers.freezing import freeze
from posenas.models.layers.initialization import KAIMING_INIT
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_choice

_STEM_CHANNELS = 16


class _Block(NamedTuple):
    """Kernel side, middle and output channels, attention, activation and stride of a block."""

    kernel: int
    middle: int
    channels: int
    attends: bool
    activation: str
    stride: int


#: Blocks of each size, as MMPose has them. They differ from tables 1 and 2 of the paper: the large
#: network halves its map one block later, between its two blocks of 672 middle channels.
_BLOCKS: Mapping[str, tuple[_Block, ...]] = {
    'small': (
        _Block(3, 16, 16, True, 'ReLU', 2),
        _Block(3, 72, 24, False, 'ReLU', 2),
        _Block(3, 88, 24, False, 'ReLU', 1),
        _Block(5, 96, 40, True, 'HSwish', 2),
        *2 * (_Block(5, 240, 40, True, 'HSwish', 1),),
        _Block(5, 120, 48, True, 'HSwish', 1),
        _Block(5, 144, 48, True, 'HSwish', 1),
        _Block(5, 288, 96, True, 'HSwish', 2),
        *2 * (_Block(5, 576, 96, True, 'HSwish', 1),),
    ),
    'big': (
        _Block(3, 16, 16, False, 'ReLU', 1),
        _Block(3, 64, 24, False, 'ReLU', 2),
        _Block(3, 72, 24, False, 'ReLU', 1),
        _Block(5, 72, 40, True, 'ReLU', 2),
        *2 * (_Block(5, 120, 40, True, 'ReLU', 1),),
        _Block(3, 240, 80, False, 'HSwish', 2),
        _Block(3, 200, 80, False, 'HSwish', 1),
        *2 * (_Block(3, 184, 80, False, 'HSwish', 1),),
        _Block(3, 480, 112, True, 'HSwish', 1),
        _Block(3, 672, 112, True, 'HSwish', 1),
        _Block(5, 672, 160, True, 'HSwish', 1),
        _Block(5, 672, 160, True, 'HSwish', 2),
        _Block(5, 960, 160, True, 'HSwish', 1),
    ),
}


@MODELS.register_module()
class MobileNetV3(StagedBackbone):
    """MobileNetV3 without its last convolutions, under the names of MMPose.

    Howard et al., Searching for MobileNetV3, ICCV 2019, tables 1 and 2.
    Differs from the paper, as in MMPose: the first block widens too, attention squeezes to exactly
    a quarter and its gate is ``clamp((y + 1) / 2, 0, 1)``, and the last stride of the large network
    comes one block later. ImageNet weights of other projects therefore do not fit.

    Args:
        arch: 'small', 11 blocks, or 'big', 15 blocks.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        out_indices: Blocks whose maps are returned, in the order of the network; negative ones
            count from the last.
        frozen_stages: This many blocks (not stages) are neither trained nor do they update their
            statistics; from 0 on the stem is not trained, but updates them. -1 freezes nothing.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether blocks are recomputed in the backward pass to save memory.
        init_cfg: Initialisation; None draws convolutions by He's rule and sets norms to 1.

    Attributes:
        layers: Names of the blocks, in the order in which they run.
        feat_dim: Channels of the last block.

    Raises:
        ValueError: There is no such size.
        ConfigError: An index lies outside.
    """

    def __init__(
        self,
        arch: str = 'small',
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        out_indices: Sequence[int] = (-1,),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        check_choice('arch', arch, tuple(_BLOCKS))
        blocks = _BLOCKS[arch]
        places = _find_blocks(out_indices, len(blocks))
        super().__init__(len(blocks), places, frozen_stages, norm_eval, init_cfg or KAIMING_INIT)
        cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        channels = _STEM_CHANNELS
        self.conv1 = ConvModule(
            3, channels, 3, stride=2, padding=1, act_cfg=dict(type='HSwish'), **cfg
        )
        self.layers = [f'layer{i}' for i in range(1, len(blocks) + 1)]
        for name, block in zip(self.layers, blocks, strict=True):
            module = ViPNASInvertedResidual(
                channels,
                block.channels,
                kernel_size=block.kernel,
                groups=block.middle,
                stride=block.stride,
                with_attention=block.attends,
                act_cfg=dict(type=block.activation),
                with_cp=with_cp,
                mid_channels=block.middle,
                **cfg,
            )
            self.add_module(name, module)
            channels = block.channels
        self.feat_dim = channels
        self._freeze()

    def _freeze(self) -> None:
        """Stop gradients of the stem, gradients and statistics of the first blocks."""
        if self.frozen_stages >= 0:
            self.conv1.requires_grad_(False)
            freeze(getattr(self, name) for name in self.layers[: self.frozen_stages])

    def _list_layers(self) -> list[nn.Module]:
        """Return what runs behind the stem."""
        return [getattr(self, name) for name in self.layers]


def _find_blocks(indices: Sequence[int], num_blocks: int) -> tuple[int, ...]:
    """Return the places of blocks, counted from the first, in ascending order."""
    if not indices or not all(-num_blocks <= i < num_blocks for i in indices):
        raise ConfigError(
            f'out_indices must lie in {-num_blocks}..{num_blocks - 1}, got {tuple(indices)}'
        )
    return tuple(sorted({i % num_blocks for i in indices}))
