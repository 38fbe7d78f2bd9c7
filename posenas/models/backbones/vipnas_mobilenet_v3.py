"""S-ViPNAS-MobileNetV3: a network of inverted residual blocks whose stages were searched."""

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from posenas.models.backbones.staged_backbone import StagedBackbone
from posenas.models.layers.attention import SqueezeExcitation
from posenas.models.layers.checkpointing import checkpoint_module
from posenas.models.layers.freezing import freeze
from posenas.models.layers.initialization import SMALL_NORMAL_INIT
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_odd


class ViPNASInvertedResidual(nn.Module):
    """Widen by a 1x1, filter by a grouped k x k, attend, narrow by a 1x1 convolution.

    The input is added where it has the shape of the result; nothing is activated after that.
    ViPNAS states how wide the middle is by ``expansion``, MobileNetV3 by ``mid_channels``.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        expansion: Middle channels divided by ``out_channels``; 1 leaves out the first
            convolution, so ``in_channels`` must be the middle ones.
        kernel_size: Odd side k of the middle convolution.
        groups: Groups of the middle convolution.
        stride: Its stride.
        with_attention: Whether a :class:`SqueezeExcitation` follows the middle convolution.
        act_cfg: Activation of the first two convolutions.
        with_cp: Whether to recompute the block in the backward pass to save memory.
        conv_cfg: Convolution layer, as ``mmcv.cnn.ConvModule`` takes it.
        norm_cfg: Normalisation layer; None is ``BN``.
        mid_channels: Middle channels, whatever ``expansion`` says; the first convolution stays.

    Raises:
        ConfigError: Channels and expansion or groups do not fit.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion: int = 1,
        kernel_size: int = 3,
        groups: int = 1,
        stride: int = 1,
        with_attention: bool = False,
        act_cfg: dict | None = None,
        with_cp: bool = False,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        mid_channels: int | None = None,
    ) -> None:
        super().__init__()
        width = mid_channels or out_channels * expansion
        widens = mid_channels is not None or expansion != 1
        if width % groups:
            raise ConfigError(
                f'group must divide wid * expan, got {groups} groups for {width} channels'
            )
        if not widens and in_channels != width:
            raise ConfigError(
                'expan must be greater than 1 where the width changes, because 1 leaves out the '
                f'convolution that widens, got 1 from {in_channels} to {out_channels} channels'
            )
        cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        activated = dict(cfg, act_cfg=act_cfg or dict(type='ReLU'))
        self.with_cp = with_cp
        self.has_shortcut = stride == 1 and in_channels == out_channels
        self.expand_conv = ConvModule(in_channels, width, 1, **activated) if widens else None
        self.depthwise_conv = ConvModule(
            width,
            width,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            groups=groups,
            **activated,
        )
        self.se = SqueezeExcitation(width, int(width / 4)) if with_attention else None
        self.linear_conv = ConvModule(width, out_channels, 1, act_cfg=None, **cfg)

    def _residual(self, x: Tensor) -> Tensor:
        out = x if self.expand_conv is None else self.expand_conv(x)
        out = self.depthwise_conv(out)
        return self.linear_conv(out if self.se is None else self.se(out))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        out = checkpoint_module(self, self._residual, x) if self.with_cp else self._residual(x)
        return x + out if self.has_shortcut else out


@MODELS.register_module(name=['ViPNASMobileNetV3', 'ViPNAS_MobileNetV3'])
class ViPNASMobileNetV3(StagedBackbone):
    """Backbone of S-ViPNAS-MobileNetV3; the defaults are the searched network.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 4. Lists describe the stem (index 0) and the stages behind it.
    Differs from the paper, as released: attention precedes the last convolution of a block.

    Args:
        wid: Widths.
        expan: Middle channels of a stage's blocks divided by its width.
        dep: Blocks per stage.
        ks: Kernel sides, odd.
        group: Groups of the middle convolutions.
        att: Whether blocks carry a :class:`SqueezeExcitation`.
        stride: Strides of the stem and of the first block of each stage.
        act: Activations, as ``mmcv.cnn.build_activation_layer`` names them.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        frozen_stages: This many blocks (not stages) are neither trained nor do they update their
            statistics; from 0 on the stem is not trained, but updates them. -1 freezes nothing.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether blocks are recomputed in the backward pass to save memory.
        init_cfg: Initialisation; None draws every convolution from a normal distribution with
            standard deviation 0.001 and sets norms to 1, as released. MMPose 1.x says the same,
            yet its framework then draws the stem anew by Kaiming's rule.

    Attributes:
        layers: Names of the blocks, in the order in which they run.
        stages: The same names, stage by stage.

    Raises:
        ConfigError: Lists differ in length, channels do not fit or ``frozen_stages`` lies outside.
        ValueError: An entry of ``ks`` is even.
    """

    def __init__(
        self,
        wid: Sequence[int] = (16, 16, 24, 40, 80, 112, 160),
        expan: Sequence[int | None] = (None, 1, 5, 4, 5, 5, 6),
        dep: Sequence[int | None] = (None, 1, 4, 4, 4, 4, 4),
        ks: Sequence[int] = (3, 3, 7, 7, 5, 7, 5),
        group: Sequence[int | None] = (None, 8, 120, 20, 100, 280, 240),
        att: Sequence[bool | None] = (None, True, True, False, True, True, True),
        stride: Sequence[int] = (2, 1, 2, 2, 2, 1, 2),
        act: Sequence[str] = ('HSwish', 'ReLU', 'ReLU', 'ReLU', 'HSwish', 'HSwish', 'HSwish'),
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        _check_lists(
            dict(wid=wid, expan=expan, dep=dep, ks=ks, group=group, att=att, stride=stride, act=act)
        )
        check_odd('ks', ks)
        number, init_cfg = sum(dep[1:]), init_cfg or SMALL_NORMAL_INIT
        super().__init__(number, (number - 1,), frozen_stages, norm_eval, init_cfg)
        layers_cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        self.conv1 = ConvModule(
            3,
            wid[0],
            ks[0],
            stride=stride[0],
            padding=ks[0] // 2,
            act_cfg=dict(type=act[0]),
            **layers_cfg,
        )
        # Keeps init_weights from descending into the stem and drawing it by another rule.
        self.conv1.is_init = True
        self.layers: list[str] = []
        self.stages: list[list[str]] = []
        channels = wid[0]
        for i in range(1, len(wid)):
            first = len(self.layers) + 1
            for j in range(dep[i]):
                block = ViPNASInvertedResidual(
                    channels,
                    wid[i],
                    expan[i],
                    kernel_size=ks[i],
                    groups=group[i],
                    stride=1 if j else stride[i],
                    with_attention=bool(att[i]),
                    act_cfg=dict(type=act[i]),
                    with_cp=with_cp,
                    **layers_cfg,
                )
                channels = wid[i]
                self.layers.append(f'layer{first + j}')
                self.add_module(self.layers[-1], block)
            self.stages.append(self.layers[first - 1 :])
        self.feat_dim = channels
        self._freeze()

    def _freeze(self) -> None:
        """Stop gradients of the stem, gradients and statistics of the first blocks."""
        if self.frozen_stages >= 0:
            self.conv1.requires_grad_(False)
            freeze(getattr(self, name) for name in self.layers[: self.frozen_stages])

    def find_stage_end(self, stage: int) -> str:
        """Return the name of the module after which maps have a stride of ``2 ** (stage + 1)``.

        The last one that has: stages 2, 3, 5 and 6 of the default network.
        """
        return self.stages[(1, 2, 4, 5)[stage - 1]][-1]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, 3, H, W).

        Returns:
            The last map alone, (B, 160, H / 32, W / 32) by default.
        """
        x = self.conv1(x)
        for name in self.layers:
            x = getattr(self, name)(x)
        return (x,)


def _check_lists(lists: dict[str, Sequence]) -> None:
    """Require one entry for the stem and for each of at least one stage."""
    lengths = {name: len(values) for name, values in lists.items()}
    if len(set(lengths.values())) > 1 or lengths['wid'] < 2:
        raise ConfigError(
            f'{", ".join(lists)} must all have one entry for the stem and one for each stage, got '
            f'lengths {lengths}'
        )
