"""ShuffleNet: grouped 1x1 convolutions whose groups are shuffled."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from posenas.models.backbones.staged_backbone import StagedBackbone
from posenas.models.layers.checkpointing import checkpoint_module
from posenas.models.layers.initialization import SHUFFLE_INIT
from posenas.models.layers.shuffle import shuffle_channels
from posenas.models.layers.widths import round_channels
from posenas.registry import MODELS
from posenas.utils import check_choice

_STEM_CHANNELS = 24
_NUM_BLOCKS = (4, 8, 4)
#: Groups -> channels of the stages, table 1 of the paper.
_CHANNELS: Mapping[int, tuple[int, ...]] = {
    1: (144, 288, 576),
    2: (200, 400, 800),
    3: (240, 480, 960),
    4: (272, 544, 1088),
    8: (384, 768, 1536),
}


class GroupedShuffleUnit(nn.Module):
    """Squeeze, filter each channel by a 3x3, widen; with a stride beside means of the input.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: 1, which adds the input, or 2.
        groups: Groups of the 1x1 convolutions.
        first_groups: Groups of the first of them.
        cfg: ``conv_cfg`` and ``norm_cfg``.
        act_cfg: Activation.
        with_cp: Whether to recompute the unit in the backward pass to save memory.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        groups: int,
        first_groups: int,
        cfg: dict,
        act_cfg: dict,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.groups, self.with_cp = stride, groups, with_cp
        width = out_channels // 4
        made = out_channels - in_channels if stride > 1 else out_channels
        # attributes that hold parameters keep the names of MMPose
        self.g_conv_1x1_compress = ConvModule(
            in_channels, width, 1, groups=first_groups, act_cfg=act_cfg, **cfg
        )
        self.depthwise_conv3x3_bn = ConvModule(
            width, width, 3, stride, padding=1, groups=width, act_cfg=None, **cfg
        )
        self.g_conv_1x1_expand = ConvModule(width, made, 1, groups=groups, act_cfg=None, **cfg)

    def _filter(self, x: Tensor) -> Tensor:
        out = shuffle_channels(self.g_conv_1x1_compress(x), self.groups)
        return self.g_conv_1x1_expand(self.depthwise_conv3x3_bn(out))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        out = checkpoint_module(self, self._filter, x) if self.with_cp else self._filter(x)
        if self.stride == 1:
            return (x + out).relu()
        mean = F.avg_pool2d(x, 3, stride=2, padding=1)
        return torch.cat([mean, out], dim=1).relu()


@MODELS.register_module()
class ShuffleNetV1(StagedBackbone):
    """ShuffleNet under the names of MMPose.

    Zhang et al., ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile
    Devices, CVPR 2018, table 1.

    Args:
        groups: Groups of the 1x1 convolutions: 1, 2, 3, 4 or 8.
        widen_factor: Factor of all channels.
        out_indices: Stages whose maps are returned, 0 to 2, in this order.
        frozen_stages: The stem and this many stages are neither trained nor do they update their
            statistics; 0 freezes the stem, -1 nothing.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        act_cfg: Activation inside the units; None is ``ReLU``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether units are recomputed in the backward pass to save memory.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.01, sets norms to 1 and their biases to 0.0001.

    Raises:
        ConfigError: ``out_indices`` or ``frozen_stages`` name stages that do not exist.
        ValueError: There is no network of these ``groups``.
    """

    def __init__(
        self,
        groups: int = 3,
        widen_factor: float = 1.0,
        out_indices: Sequence[int] = (2,),
        frozen_stages: int = -1,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        act_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        init_cfg = SHUFFLE_INIT if init_cfg is None else init_cfg
        super().__init__(len(_NUM_BLOCKS), out_indices, frozen_stages, norm_eval, init_cfg)
        check_choice('groups', groups, _CHANNELS)
        cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        act_cfg = act_cfg or dict(type='ReLU')
        width = int(_STEM_CHANNELS * widen_factor)
        self.conv1 = ConvModule(3, width, 3, stride=2, padding=1, act_cfg=act_cfg, **cfg)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layers = nn.ModuleList()
        for stage, number in enumerate(_NUM_BLOCKS):
            channels = round_channels(_CHANNELS[groups][stage] * widen_factor)
            units = []
            for k in range(number):
                first = 1 if stage == k == 0 else groups  # too few channels to group at first
                stride = 2 if k == 0 else 1
                units.append(
                    GroupedShuffleUnit(
                        width, channels, stride, groups, first, cfg, act_cfg, with_cp
                    )
                )
                width = channels
            self.layers.append(nn.Sequential(*units))
        self._freeze()

    def _shrink(self, x: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.maxpool(self.conv1(x))
