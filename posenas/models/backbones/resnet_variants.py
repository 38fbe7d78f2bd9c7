"""Residual networks with another stem, with groups or with weighted channels, as in MMPose."""

from collections.abc import Mapping

from torch import Tensor

from posenas.models.backbones.residual_backbone import ResidualBackbone
from posenas.models.layers.attention import ChannelWeighting
from posenas.models.layers.residual import Bottleneck
from posenas.registry import MODELS
from posenas.utils import ConfigError

#: Depth -> blocks per stage of networks of bottlenecks.
_NUM_BLOCKS: Mapping[int, tuple[int, ...]] = {
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
#: Output channels of the stages.
_CHANNELS = (256, 512, 1024, 2048)


def _list_stages(depth: int, num_stages: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return blocks and channels of the stages.

    Raises:
        KeyError: There is no network of this depth.
        ConfigError: There are no such stages.
    """
    if depth not in _NUM_BLOCKS:
        raise KeyError(f'depth must be one of {sorted(_NUM_BLOCKS)}, got {depth}')
    if not 1 <= num_stages <= 4:
        raise ConfigError(f'num_stages must lie in 1..4, got {num_stages}')
    return _NUM_BLOCKS[depth], _CHANNELS[:num_stages]


@MODELS.register_module()
class ResNetV1d(ResidualBackbone):
    """Residual network with a stem of three 3x3 convolutions and means in its shortcuts.

    He et al., Bag of Tricks for Image Classification with Convolutional Neural Networks, CVPR 2019,
    section 4.2.

    Args:
        depth: 50, 101 or 152.
        num_stages: Stages built, 1 to 4.
        style: See :class:`ResNet`.
        with_cp: See :class:`ResNet`.
        zero_init_residual: See :class:`ResNet`.
        **kwargs: Arguments of :class:`ResidualBackbone`: ``in_channels``, ``stem_channels``,
            ``strides``, ``dilations``, ``out_indices``, ``frozen_stages``, ``conv_cfg``,
            ``norm_cfg``, ``norm_eval``, ``init_cfg``.

    Raises:
        KeyError: There is no network of this depth.
        ConfigError: Lists are too short, or an index lies outside.
    """

    def __init__(
        self,
        depth: int,
        num_stages: int = 4,
        style: str = 'pytorch',
        with_cp: bool = False,
        zero_init_residual: bool = True,
        **kwargs: object,
    ) -> None:
        stages = _list_stages(depth, num_stages)
        block_cfg = dict(style=style, with_cp=with_cp, zero_init_residual=zero_init_residual)
        options = dict(deep_stem=True, avg_down=True, **block_cfg)
        super().__init__(Bottleneck, *stages, **options, **kwargs)


@MODELS.register_module()
class ResNeXt(ResidualBackbone):
    """Residual network whose middle convolutions have groups.

    Xie et al., Aggregated Residual Transformations for Deep Neural Networks, CVPR 2017, table 1.

    Args:
        depth: 50, 101 or 152.
        groups: Groups of the middle convolutions.
        width_per_group: Channels of a group in the first stage; every further stage doubles them.
        num_stages: Stages built, 1 to 4.
        style: See :class:`ResNet`.
        with_cp: See :class:`ResNet`.
        zero_init_residual: See :class:`ResNet`.
        **kwargs: Arguments of :class:`ResidualBackbone`: ``in_channels``, ``stem_channels``,
            ``strides``, ``dilations``, ``out_indices``, ``deep_stem``, ``avg_down``,
            ``frozen_stages``, ``conv_cfg``, ``norm_cfg``, ``norm_eval``, ``init_cfg``.

    Raises:
        KeyError: There is no network of this depth.
        ConfigError: The groups do not fit, lists are too short, or an index lies outside.
    """

    def __init__(
        self,
        depth: int,
        groups: int = 32,
        width_per_group: int = 4,
        num_stages: int = 4,
        style: str = 'pytorch',
        with_cp: bool = False,
        zero_init_residual: bool = True,
        **kwargs: object,
    ) -> None:
        stages = _list_stages(depth, num_stages)
        width = groups * width_per_group
        if width < 1 or _CHANNELS[0] % width:
            raise ConfigError(
                f'groups * width_per_group must divide {_CHANNELS[0]}, the channels of the first '
                f'stage, got {groups} * {width_per_group}'
            )
        block_cfg = dict(style=style, with_cp=with_cp, zero_init_residual=zero_init_residual)
        options = dict(groups=groups, expansion=_CHANNELS[0] // width, **block_cfg)
        super().__init__(Bottleneck, *stages, **options, **kwargs)


class SEBottleneck(Bottleneck):
    """Bottleneck that scales its channels before the addition.

    Hu et al., Squeeze-and-Excitation Networks, CVPR 2018, figure 3.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        se_ratio: ``out_channels`` divided by the hidden width of the scaling.
        **kwargs: Arguments of :class:`Bottleneck`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, se_ratio: int = 16, **kwargs: object
    ) -> None:
        super().__init__(in_channels, out_channels, **kwargs)
        self.se_layer = ChannelWeighting(out_channels, se_ratio)

    def _residual(self, x: Tensor) -> Tensor:
        return self.se_layer(super()._residual(x))


@MODELS.register_module()
class SEResNet(ResidualBackbone):
    """Residual network whose blocks scale their channels.

    Hu et al., Squeeze-and-Excitation Networks, CVPR 2018, table 1.

    Args:
        depth: 50, 101 or 152.
        se_ratio: Output channels of a block divided by the hidden width of the scaling.
        num_stages: Stages built, 1 to 4.
        style: See :class:`ResNet`.
        with_cp: See :class:`ResNet`.
        zero_init_residual: See :class:`ResNet`.
        **kwargs: Arguments of :class:`ResidualBackbone`: ``in_channels``, ``stem_channels``,
            ``strides``, ``dilations``, ``out_indices``, ``deep_stem``, ``avg_down``,
            ``frozen_stages``, ``conv_cfg``, ``norm_cfg``, ``norm_eval``, ``init_cfg``.

    Raises:
        KeyError: There is no network of this depth.
        ConfigError: Lists are too short, or an index lies outside.
    """

    def __init__(
        self,
        depth: int,
        se_ratio: int = 16,
        num_stages: int = 4,
        style: str = 'pytorch',
        with_cp: bool = False,
        zero_init_residual: bool = True,
        **kwargs: object,
    ) -> None:
        stages = _list_stages(depth, num_stages)
        block_cfg = dict(style=style, with_cp=with_cp, zero_init_residual=zero_init_residual)
        options = dict(se_ratio=se_ratio, **block_cfg)
        super().__init__(SEBottleneck, *stages, **options, **kwargs)
