"""S-ViPNAS-Res50: a residual network whose stages were searched."""

from collections.abc import Sequence

from mmcv.cnn import ConvModule, build_conv_layer, build_norm_layer
from mmengine.model import BaseModule, Sequential
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.models.layers.attention import ContextBlock
from posenas.models.layers.checkpointing import checkpoint_module
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_choice

__all__ = ['ViPNASBottleneck', 'ViPNASResNet']


class ViPNASBottleneck(BaseModule):
    """Residual block: 1x1, grouped k x k, 1x1 convolutions, optional :class:`ContextBlock`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        expansion: ``out_channels`` divided by the width of the middle convolution.
        kernel_size: Odd side k of the middle convolution.
        groups: Groups of the middle convolution.
        stride: Stride of the block.
        dilation: Dilation of the middle convolution.
        with_attention: Whether a context block ends the residual branch.
        downsample: Projects the input for the addition; None adds the input itself.
        style: 'pytorch' puts the stride into the middle convolution, 'caffe' into the first one.
        with_cp: Whether to recompute the residual branch in the backward pass to save memory.
        zero_init_residual: Whether ``bn3.weight`` starts at 0.
        conv_cfg: Convolution layer, as ``mmcv.cnn.build_conv_layer`` takes it.
        norm_cfg: Normalisation layer, as ``mmcv.cnn.build_norm_layer`` takes it.
    """

    conv_bn_pairs = (('conv1', 'bn1'), ('conv2', 'bn2'), ('conv3', 'bn3'))

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion: int = 4,
        kernel_size: int = 3,
        groups: int = 1,
        stride: int = 1,
        dilation: int = 1,
        with_attention: bool = False,
        downsample: nn.Module | None = None,
        style: str = 'pytorch',
        with_cp: bool = False,
        zero_init_residual: bool = False,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
    ) -> None:
        zero = dict(type='Constant', val=0, override=dict(name='bn3'))
        super().__init__(init_cfg=zero if zero_init_residual else None)
        check_choice('style', style, ('pytorch', 'caffe'))
        width, rest = divmod(out_channels, expansion)
        if rest or width % groups:
            raise ConfigError(
                'out_channels must be a multiple of expansion * groups, got '
                f'{out_channels} with expansion {expansion} and groups {groups}'
            )
        norm_cfg = norm_cfg or dict(type='BN')
        stride1, stride2 = (1, stride) if style == 'pytorch' else (stride, 1)
        self.with_cp = with_cp
        self.conv1 = build_conv_layer(conv_cfg, in_channels, width, 1, stride=stride1, bias=False)
        self.bn1 = build_norm_layer(norm_cfg, width)[1]
        self.conv2 = build_conv_layer(
            conv_cfg,
            width,
            width,
            kernel_size,
            stride=stride2,
            # The release pads kernel_size // 2 whatever the dilation, which breaks the addition.
            padding=dilation * (kernel_size // 2),
            dilation=dilation,
            groups=groups,
            bias=False,
        )
        self.bn2 = build_norm_layer(norm_cfg, width)[1]
        self.conv3 = build_conv_layer(conv_cfg, width, out_channels, 1, bias=False)
        self.bn3 = build_norm_layer(norm_cfg, out_channels)[1]
        self.attention = ContextBlock(out_channels) if with_attention else None
        self.downsample = downsample
        self.relu = nn.ReLU(inplace=True)

    def _residual(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return out if self.attention is None else self.attention(out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        out = checkpoint_module(self, self._residual, x) if self.with_cp else self._residual(x)
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


@MODELS.register_module(name=['ViPNASResNet', 'ViPNAS_ResNet'])
class ViPNASResNet(BaseModule):
    """Residual backbone of S-ViPNAS-Res50; the defaults are the searched network.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 4. Lists with five entries describe the stem (index 0) and the stages 1 to 4.
    Differs from the release: dilated convolutions are padded so that the map keeps its size, and
    ``zero_init_residual`` is honoured (hence its default False, what the release did).

    Args:
        depth: Only 50; it names the block type.
        in_channels: Channels of the image.
        num_stages: Stages built, 1 to 4.
        strides: Stride of the first block of each stage.
        dilations: Dilation of the middle convolutions of each stage.
        out_indices: Stages whose maps are returned, 0 to ``num_stages - 1``, in this order.
        style: See :class:`ViPNASBottleneck`.
        deep_stem: Whether three 3x3 convolutions replace the stem's large one.
        avg_down: Whether shortcuts with a stride average before their 1x1 convolution.
        frozen_stages: The stem and this many stages are neither trained nor do they update their
            statistics; 0 freezes the stem, -1 nothing.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether blocks are recomputed in the backward pass to save memory.
        zero_init_residual: Whether every block starts as the identity.
        wid: Widths.
        expan: Output channels of a stage divided by its width; the middle convolutions have the
            width itself, so the searched value 1 means no bottleneck at all.
        dep: Blocks per stage.
        ks: Kernel sides, odd.
        group: Groups of the middle convolutions.
        att: Whether blocks carry a :class:`ContextBlock`.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and sets norms to 1.

    Raises:
        KeyError: ``depth`` is not 50.
        ConfigError: Lists are too short, an index lies outside or channels cannot be grouped.
    """

    conv_bn_pairs = (('conv1', 'bn1'),)

    def __init__(
        self,
        depth: int,
        in_channels: int = 3,
        num_stages: int = 4,
        strides: Sequence[int] = (1, 2, 2, 2),
        dilations: Sequence[int] = (1, 1, 1, 1),
        out_indices: Sequence[int] = (3,),
        style: str = 'pytorch',
        deep_stem: bool = False,
        avg_down: bool = False,
        frozen_stages: int = -1,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        zero_init_residual: bool = False,
        wid: Sequence[int] = (48, 80, 160, 304, 608),
        expan: Sequence[int | None] = (None, 1, 1, 1, 1),
        dep: Sequence[int | None] = (None, 4, 6, 7, 3),
        ks: Sequence[int] = (7, 3, 5, 5, 5),
        group: Sequence[int | None] = (None, 16, 16, 16, 16),
        att: Sequence[bool | None] = (None, True, False, True, True),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or _DEFAULT_INIT)
        if depth != 50:
            raise KeyError(f'depth must be 50, the only searched ViPNAS ResNet, got {depth}')
        per_stem_and_stage = dict(wid=wid, expan=expan, dep=dep, ks=ks, group=group, att=att)
        _check_lists(num_stages, dict(strides=strides, dilations=dilations), per_stem_and_stage)
        _check_stages(num_stages, out_indices, frozen_stages)
        self.num_stages, self.out_indices = num_stages, tuple(out_indices)
        self.frozen_stages, self.norm_eval = frozen_stages, norm_eval
        self.deep_stem = deep_stem
        layers_cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        self._add_stem(in_channels, wid[0], ks[0], layers_cfg)
        channels = wid[0]
        for i in range(1, num_stages + 1):
            block_cfg = dict(
                expansion=expan[i],
                kernel_size=ks[i],
                groups=group[i],
                dilation=dilations[i - 1],
                with_attention=bool(att[i]),
                style=style,
                with_cp=with_cp,
                zero_init_residual=zero_init_residual,
                **layers_cfg,
            )
            out_channels = wid[i] * expan[i]
            stage = _make_stage(channels, out_channels, dep[i], strides[i - 1], avg_down, block_cfg)
            self.add_module(f'layer{i}', stage)
            channels = out_channels
        self.feat_dim = channels
        self._freeze()

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

    def _freeze(self) -> None:
        """Stop gradients and statistics of the stem and of the first ``frozen_stages`` stages."""
        if self.frozen_stages < 0:
            return
        parts = [self.stem] if self.deep_stem else [self.conv1, self.bn1]
        parts += [getattr(self, f'layer{i}') for i in range(1, self.frozen_stages + 1)]
        for part in parts:
            part.eval()
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> 'ViPNASResNet':
        """Switch to training or evaluation; frozen parts and ``norm_eval`` stay in force."""
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

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


#: Initialisation of both generations of the release.
_DEFAULT_INIT = [
    dict(type='Normal', std=0.001, layer=['Conv2d']),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
]


def _check_lists(num_stages: int, per_stage: dict, per_stem_and_stage: dict) -> None:
    """Require one entry per stage, or one more where the stem has its own."""
    if not 1 <= num_stages <= 4:
        raise ConfigError(f'num_stages must lie in 1..4, got {num_stages}')
    for lists, need in ((per_stage, num_stages), (per_stem_and_stage, num_stages + 1)):
        for name, values in lists.items():
            if len(values) < need:
                raise ConfigError(
                    f'{name} must have at least {need} entries for num_stages={num_stages}, '
                    f'got {tuple(values)}'
                )


def _check_stages(num_stages: int, out_indices: Sequence[int], frozen_stages: int) -> None:
    """Require stages that exist."""
    if not out_indices or not all(0 <= i < num_stages for i in out_indices):
        raise ConfigError(f'out_indices must lie in 0..{num_stages - 1}, got {tuple(out_indices)}')
    if not -1 <= frozen_stages <= num_stages:
        raise ConfigError(f'frozen_stages must lie in -1..{num_stages}, got {frozen_stages}')


def _make_shortcut(
    in_channels: int,
    out_channels: int,
    stride: int,
    avg_down: bool,
    conv_cfg: dict | None,
    norm_cfg: dict,
) -> nn.Sequential | None:
    """Project the input of a stage's first block; None where the input fits as it is."""
    if stride == 1 and in_channels == out_channels:
        return None
    layers: list[nn.Module] = []
    if avg_down and stride != 1:
        layers.append(nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False))
        stride = 1
    layers.append(
        build_conv_layer(conv_cfg, in_channels, out_channels, 1, stride=stride, bias=False)
    )
    layers.append(build_norm_layer(norm_cfg, out_channels)[1])
    return nn.Sequential(*layers)


def _make_stage(
    in_channels: int, out_channels: int, depth: int, stride: int, avg_down: bool, block_cfg: dict
) -> Sequential:
    """Stack ``depth`` blocks, the first with the stride and, where needed, a shortcut."""
    shortcut = _make_shortcut(
        in_channels, out_channels, stride, avg_down, block_cfg['conv_cfg'], block_cfg['norm_cfg']
    )
    first = ViPNASBottleneck(
        in_channels, out_channels, stride=stride, downsample=shortcut, **block_cfg
    )
    rest = [ViPNASBottleneck(out_channels, out_channels, **block_cfg) for _ in range(depth - 1)]
    return Sequential(first, *rest)
