"""What residual backbones share: the stem, the order of the stages, what is frozen."""

from abc import ABC
from collections.abc import Sequence
from typing import Self

from mmcv.cnn import ConvModule, build_conv_layer, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.layers.freezing import freeze, keep_frozen
from posenas.utils import ConfigError
from posenas.utils.checks import check_stages


class ResidualBackbone(BaseModule, ABC):
    """Stem of stride 4 and up to four stages, ``layer1`` to ``layer4``.

    Args:
        stages: The stages, built.
        in_channels: Channels of the image.
        stem_channels: Channels of the stem.
        stem_kernel: Odd kernel side of the stem's large convolution.
        out_indices: Stages whose maps are returned, from 0, in this order.
        deep_stem: Whether three 3x3 convolutions replace the stem's large one.
        frozen_stages: The stem and this many stages are neither trained nor do they update their
            statistics; 0 freezes the stem, -1 nothing.
        conv_cfg: Convolution layer of the stem; None is ``Conv2d``.
        norm_cfg: Normalisation layer of the stem.
        norm_eval: Whether batch norms keep their statistics during training.
        init_cfg: Initialisation.

    Raises:
        ConfigError: ``out_indices`` or ``frozen_stages`` name stages that do not exist.
    """

    def __init__(
        self,
        stages: Sequence[nn.Module],
        in_channels: int,
        stem_channels: int,
        stem_kernel: int,
        out_indices: Sequence[int],
        deep_stem: bool,
        frozen_stages: int,
        conv_cfg: dict | None,
        norm_cfg: dict,
        norm_eval: bool,
        init_cfg: dict | list[dict],
    ) -> None:
        super().__init__(init_cfg)
        self.num_stages, self.out_indices = len(stages), tuple(out_indices)
        self.deep_stem, self.frozen_stages, self.norm_eval = deep_stem, frozen_stages, norm_eval
        self._check_stages()
        layers_cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg)
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

    def train(self, mode: bool = True) -> Self:
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
