"""ShuffleNet V2: half of the channels pass each unit unchanged."""

from collections.abc import Mapping, Sequence

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from posenas.models.backbones.staged_backbone import StagedBackbone
from posenas.models.layers.initialization import SHUFFLE_INIT
from posenas.models.layers.shuffle import (
    ShuffleUnit,
    make_depthwise,
    make_pointwise,
    shuffle_channels,
)
from posenas.registry import MODELS
from posenas.utils import check_choice

_STEM_CHANNELS = 24
_NUM_BLOCKS = (4, 8, 4)
#: Factor of the width -> channels of the stages and of the last convolution, table 5 of the paper.
_CHANNELS: Mapping[float, tuple[int, ...]] = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}


class HalvingUnit(nn.Module):
    """Filter all channels on two paths of stride 2, then let them alternate.

    Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design, ECCV 2018,
    figure 3 (d).

    Args:
        in_channels: Channels of the input.
        out_channels: Even channels of the output.
        cfg: ``conv_cfg`` and ``norm_cfg``.
        act_cfg: Activation.
    """

    def __init__(self, in_channels: int, out_channels: int, cfg: dict, act_cfg: dict) -> None:
        super().__init__()
        half = out_channels // 2
        self.branch1 = nn.Sequential(
            make_depthwise(in_channels, 2, cfg), make_pointwise(in_channels, half, cfg, act_cfg)
        )
        self.branch2 = nn.Sequential(
            make_pointwise(in_channels, half, cfg, act_cfg),
            make_depthwise(half, 2, cfg),
            make_pointwise(half, half, cfg, act_cfg),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / 2, W / 2)."""
        return shuffle_channels(torch.cat([self.branch1(x), self.branch2(x)], dim=1), 2)


@MODELS.register_module()
class ShuffleNetV2(StagedBackbone):
    """ShuffleNet V2 under the names of MMPose.

    Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design, ECCV 2018,
    table 5.

    Args:
        widen_factor: 0.5, 1.0, 1.5 or 2.0.
        out_indices: Layers whose maps are returned, in this order: 0 to 2 the stages, 3 the 1x1
            convolution behind them.
        frozen_stages: The stem and this many layers are neither trained nor do they update their
            statistics; 0 freezes the stem, -1 nothing.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        act_cfg: Activation; None is ``ReLU``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether units are recomputed in the backward pass to save memory.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.01, sets norms to 1 and their biases to 0.0001.

    Raises:
        ConfigError: ``out_indices`` or ``frozen_stages`` name layers that do not exist.
        ValueError: There is no network of this width.
    """

    def __init__(
        self,
        widen_factor: float = 1.0,
        out_indices: Sequence[int] = (3,),
        frozen_stages: int = -1,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        act_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        init_cfg = SHUFFLE_INIT if init_cfg is None else init_cfg
        super().__init__(len(_NUM_BLOCKS) + 1, out_indices, frozen_stages, norm_eval, init_cfg)
        check_choice('widen_factor', widen_factor, _CHANNELS)
        cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        act_cfg = act_cfg or dict(type='ReLU')
        width = _STEM_CHANNELS
        self.conv1 = ConvModule(3, width, 3, stride=2, padding=1, act_cfg=act_cfg, **cfg)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        *stages, last = _CHANNELS[widen_factor]
        self.layers = nn.ModuleList()
        for channels, number in zip(stages, _NUM_BLOCKS, strict=True):
            units = [ShuffleUnit(channels, cfg, with_cp, act_cfg) for _ in range(number - 1)]
            self.layers.append(nn.Sequential(HalvingUnit(width, channels, cfg, act_cfg), *units))
            width = channels
        self.layers.append(make_pointwise(width, last, cfg, act_cfg))
        self._freeze()

    def _shrink(self, x: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.maxpool(self.conv1(x))
