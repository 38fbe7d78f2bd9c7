"""What residual backbones share: the stem, the order of the stages, what is frozen."""

from abc import ABC
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from mmcv.cnn import ConvModule, build_conv_layer, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.layers.freezing import freeze, keep_frozen
from posenas.models.layers.initialization import KAIMING_INIT
from posenas.models.layers.residual import ResidualBlock, make_residual_layer
from posenas.utils import ConfigError
from posenas.utils.checks import check_stages

if TYPE_CHECKING:
    from typing import Self


class ResidualBackbone(BaseModule, ABC):
    """Stem of stride 4 and up to four stages, ``layer1`` to ``layer4``.

    Args:
        block: Class of the blocks.
        num_blocks: Blocks of each stage.
        channels: Output channels of each stage.
        in_channels: Channels of the image.
        stem_channels: Channels of the stem.
        stem_kernel: Odd kernel side of the stem's large convolution.
        strides: Stride of the first block of each stage.
        dilations: Dilation of the blocks of each stage.
        out_indices: Stages whose maps are returned, from 0, in this order.
        deep_stem: Whether three 3x3 convolutions replace the stem's large one.
        avg_down: Whether shortcuts with a stride average before their 1x1 convolution.
        frozen_stages: The stem and this many stages are neither trained nor do they update their
            statistics; 0 freezes the stem, -1 nothing.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        norm_eval: Whether batch norms keep their statistics during training.
        init_cfg: Initialisation; None draws convolutions by He's rule and sets norms to 1.
        stage_cfgs: Further arguments of the blocks of each stage; None where there are none.
        **block_cfg: Further arguments of every block.

    Raises:
        ConfigError: Lists are too short; ``out_indices`` or ``frozen_stages`` name stages that do
            not exist.
    """

    def __init__(
        self,
        block: type[ResidualBlock],
        num_blocks: Sequence[int],
        channels: Sequence[int],
        in_channels: int = 3,
        stem_channels: int = 64,
        stem_kernel: int = 7,
        strides: Sequence[int] = (1, 2, 2, 2),
        dilations: Sequence[int] = (1, 1, 1, 1),
        out_indices: Sequence[int] = (3,),
        deep_stem: bool = False,
        avg_down: bool = False,
        frozen_stages: int = -1,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        init_cfg: dict | list[dict] | None = None,
        stage_cfgs: Sequence[Mapping] | None = None,
        **block_cfg: object,
    ) -> None:
        super().__init__(init_cfg or KAIMING_INIT)
        self.num_stages, self.out_indices = len(channels), tuple(out_indices)
        self.deep_stem, self.frozen_stages, self.norm_eval = deep_stem, frozen_stages, norm_eval
        check_per_stage(self.num_stages, dict(strides=strides, dilations=dilations), {})
        self._check_stages()
        layers_cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        widths = pairwise([stem_channels, *channels])
        own = stage_cfgs or [{}] * self.num_stages
        settings = zip(widths, num_blocks, strides, dilations, own, strict=False)
        stages = [
            make_residual_layer(
                block, *ends, depth, stride, avg_down, dilation=d, **cfg, **block_cfg, **layers_cfg
            )
            for ends, depth, stride, d, cfg in settings
        ]
        self._add_stem(in_channels, stem_channels, stem_kernel, layers_cfg)
        for i, stage in enumerate(stages, start=1):
            self.add_module(f'layer{i}', stage)
        freeze(self._frozen_parts())

    def _check_stages(self) -> None:
        """Require stages that exist."""
        number = self.num_stages
        check_stages(self.out_indices, number)
        if not -1 <= self.frozen_stages <= number:
            raise ConfigError(f'frozen_stages must lie in -1..{number}, got {self.frozen_stages}')

    def _add_stem(self, in_channels: int, width: int, kernel: int, layers_cfg: dict) -> None:
        """Create ``stem`` or ``conv1`` and ``bn1``, and the pooling; stride 4 together."""
        if self.deep_stem:
            # A plain Sequential: mmengine's would let ConvModule redo the initialisation.
            self.stem = nn.Sequential(
                ConvModule(in_channels, width // 2, 3, stride=2, padding=1, **layers_cfg),
                ConvModule(width // 2, width // 2, 3, padding=1, **layers_cfg),
                ConvModule(width // 2, width, 3, padding=1, **layers_cfg),
            )
        else:
            self.conv1 = build_conv_layer(
                layers_cfg['conv_cfg'],
                in_channels,
                width,
                kernel,
                stride=2,
                padding=kernel // 2,
                bias=False,
            )
            self.bn1 = build_norm_layer(layers_cfg['norm_cfg'], width)[1]
            self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)

    def _frozen_parts(self) -> list[nn.Module]:
        """List the stem and the stages that are not trained."""
        if self.frozen_stages < 0:
            return []
        stem = [self.stem] if self.deep_stem else [self.conv1, self.bn1]
        return stem + [getattr(self, f'layer{i}') for i in range(1, self.frozen_stages + 1)]

    def train(self, mode: bool = True) -> 'Self':
        """Switch to training or evaluation; frozen parts and ``norm_eval`` stay in force."""
        return keep_frozen(super().train(mode), mode, self._frozen_parts())

    def find_stage_end(self, stage: int) -> str:
        """Return the name of the module whose output is that of ``stage``, from 1."""
        return f'layer{stage}'

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, in_channels, H, W).

        Returns:
            For each of ``out_indices`` the map of that stage, (B, C, H / s, W / s) with strides s
            of 4, 8, 16, 32 by default.
        """
        x = self.stem(x) if self.deep_stem else self.relu(self.bn1(self.conv1(x)))
        x = self.maxpool(x)
        features = []
        for i in range(1, self.num_stages + 1):
            x = getattr(self, f'layer{i}')(x)
            features.append(x)
        return tuple(features[i] for i in self.out_indices)


def check_per_stage(num_stages: int, per_stage: dict, per_stem_and_stage: dict) -> None:
    """Require one entry per stage, or one more where the stem has its own.

    Args:
        num_stages: Stages, 1 to 4.
        per_stage: Names of arguments and their lists.
        per_stem_and_stage: Likewise, entry 0 describes the stem.

    Raises:
        ConfigError: A list is too short or there are no such stages.
    """
    if not 1 <= num_stages <= 4:
        raise ConfigError(f'num_stages must lie in 1..4, got {num_stages}')
    for lists, need in ((per_stage, num_stages), (per_stem_and_stage, num_stages + 1)):
        for name, values in lists.items():
            if len(values) < need:
                raise ConfigError(
                    f'{name} must have at least {need} entries for num_stages={num_stages}, '
                    f'got {tuple(values)}'
                )
