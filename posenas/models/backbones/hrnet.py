"""High-resolution networks: branches of different resolution that run side by side."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmcv.cnn import build_conv_layer, build_norm_layer
from mmengine.model import BaseModule, ModuleList, Sequential
from torch import Tensor, nn

from posenas.models.layers.freezing import freeze, keep_frozen
from posenas.models.layers.initialization import SMALL_NORMAL_INIT
from posenas.models.layers.input_size import check_input_multiple
from posenas.models.layers.multi_resolution import (
    make_fuse_layers,
    make_transition,
    run_transition,
)
from posenas.models.layers.residual import (
    BasicBlock,
    Bottleneck,
    ResidualBlock,
    make_residual_layer,
)
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_choice

if TYPE_CHECKING:
    from typing import Self

_BLOCKS: Mapping[str, type[ResidualBlock]] = dict(BASIC=BasicBlock, BOTTLENECK=Bottleneck)
_STEM_CHANNELS, _STEM_STRIDE = 64, 4


@dataclass(frozen=True)
class _Stage:
    """One entry of ``extra``; ``channels`` are those of the branches' outputs."""

    num_modules: int
    block: type[ResidualBlock]
    num_blocks: tuple[int, ...]
    channels: tuple[int, ...]


class HighResolutionModule(BaseModule):
    """Run residual blocks on every branch, then bring every branch to every output.

    Args:
        block: Class of the blocks.
        channels: Channels of the branches, in and out.
        num_blocks: Blocks of each branch.
        num_outputs: Outputs, the finest ones.
        conv_cfg: Convolution layer.
        norm_cfg: Normalisation layer.
        upsample_cfg: Arguments of ``nn.Upsample`` beside the factor.
        **block_cfg: Other arguments of every block.
    """

    def __init__(
        self,
        block: type[ResidualBlock],
        channels: Sequence[int],
        num_blocks: Sequence[int],
        num_outputs: int,
        conv_cfg: dict | None,
        norm_cfg: dict,
        upsample_cfg: Mapping,
        **block_cfg: object,
    ) -> None:
        super().__init__()
        layers_cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg)

        def down_unit(in_channels: int, out_channels: int, is_last: bool) -> nn.Sequential:
            return _conv_unit(in_channels, out_channels, 2, not is_last, **layers_cfg)

        self.branches = ModuleList(
            make_residual_layer(block, width, width, depth, **layers_cfg, **block_cfg)
            for width, depth in zip(channels, num_blocks, strict=True)
        )
        self.fuse_layers = make_fuse_layers(
            channels, num_outputs, down_unit, upsample_cfg=upsample_cfg, **layers_cfg
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Map one (B, C_i, H / 2 ** i, W / 2 ** i) per branch to the same, per output."""
        branches = [layer(x) for layer, x in zip(self.branches, branches, strict=True)]
        if len(branches) == 1:
            return branches
        return [self._fuse(layers, branches) for layers in self.fuse_layers]

    def _fuse(self, layers: nn.ModuleList, branches: Sequence[Tensor]) -> Tensor:
        """Add what the branches bring to one output, the finest first."""
        terms = (
            x if layer is None else layer(x) for layer, x in zip(layers, branches, strict=True)
        )
        total = next(terms)
        for term in terms:
            total = total + term
        return self.relu(total)


class HighResolutionNet(BaseModule, ABC):
    """Stem, bottlenecks, stages 2 and 3 and the branches that stage 4 starts from.

    Args:
        extra: See :class:`HRNet`; of ``stage4`` only ``block`` and ``num_channels`` matter here.
        in_channels: Channels of the image.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether blocks are recomputed in the backward pass to save memory.
        zero_init_residual: Whether every block starts as the identity.
        frozen_stages: See :class:`HRNet`.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and sets norms to 1.
    """

    def __init__(
        self,
        extra: Mapping,
        in_channels: int = 3,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        zero_init_residual: bool = False,
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or SMALL_NORMAL_INIT)
        self._stages = _read_stages(extra)
        self._upsample_cfg = {'mode': 'nearest'} | dict(extra.get('upsample', {}))
        self._layers_cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        self._block_cfg = dict(with_cp=with_cp, zero_init_residual=zero_init_residual)
        self.norm_eval, self.frozen_stages = norm_eval, frozen_stages
        self._add_stem(in_channels)
        self._add_transition(1)
        self.stage2 = self._make_stage(2, multiscale_output=True)
        self._add_transition(2)
        self.stage3 = self._make_stage(3, multiscale_output=True)
        self._add_transition(3)
        freeze(self._frozen_parts())

    def _add_stem(self, in_channels: int) -> None:
        """Create two convolutions, stride 4 together, and the single-branch stage 1."""
        conv_cfg, norm_cfg = self._layers_cfg['conv_cfg'], self._layers_cfg['norm_cfg']
        width, first = _STEM_CHANNELS, self._stages[0]
        kernel = dict(kernel_size=3, stride=2, padding=1, bias=False)
        self.conv1 = build_conv_layer(conv_cfg, in_channels, width, **kernel)
        self.bn1 = build_norm_layer(norm_cfg, width)[1]
        self.conv2 = build_conv_layer(conv_cfg, width, width, **kernel)
        self.bn2 = build_norm_layer(norm_cfg, width)[1]
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = make_residual_layer(
            first.block,
            width,
            first.channels[0],
            first.num_blocks[0],
            expansion=first.block.default_expansion,
            **self._layers_cfg,
            **self._block_cfg,
        )

    def _add_transition(self, stage: int) -> None:
        """Create what leads from ``stage`` (1 to 3) to the one after it."""

        def unit(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
            return _conv_unit(in_channels, out_channels, stride, True, **self._layers_cfg)

        before, after = self._stages[stage - 1], self._stages[stage]
        transition = make_transition(before.channels, after.channels, unit)
        self.add_module(f'transition{stage}', transition)

    def _make_stage(self, stage: int, multiscale_output: bool) -> Sequential:
        """Create the modules of ``stage`` (2 to 4); the last may compute the finest output only."""
        setting = self._stages[stage - 1]
        outputs = [len(setting.channels)] * setting.num_modules
        if not multiscale_output:
            outputs[-1] = 1
        modules = (
            HighResolutionModule(
                setting.block,
                setting.channels,
                setting.num_blocks,
                num_outputs,
                upsample_cfg=self._upsample_cfg,
                **self._layers_cfg,
                **self._block_cfg,
            )
            for num_outputs in outputs
        )
        return Sequential(*modules)

    def _frozen_parts(self) -> list[nn.Module]:
        """List the stem and the stages that are not trained, each with its transition."""
        if not -1 <= self.frozen_stages <= 4:
            raise ConfigError(f'frozen_stages must lie in -1..4, got {self.frozen_stages}')
        if self.frozen_stages < 0:
            return []
        names = ['conv1', 'bn1', 'conv2', 'bn2']
        for i in range(1, self.frozen_stages + 1):
            names += ['layer1' if i == 1 else f'stage{i}', f'transition{i}']
        return [getattr(self, name) for name in names if hasattr(self, name)]

    def train(self, mode: bool = True) -> 'Self':
        """Switch to training or evaluation; frozen parts and ``norm_eval`` stay in force."""
        return keep_frozen(super().train(mode), mode, self._frozen_parts())

    def _run_to_stage4(self, x: Tensor) -> list[Tensor]:
        """Compute the input of stage 4, one map per branch."""
        coarsest = 2 ** (max(len(stage.channels) for stage in self._stages) - 1)
        check_input_multiple(x, _STEM_STRIDE * coarsest, type(self).__name__)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        branches = run_transition(self.transition1, [self.layer1(x)])
        branches = run_transition(self.transition2, self.stage2(branches))
        return run_transition(self.transition3, self.stage3(branches))

    @abstractmethod
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, in_channels, H, W)."""


@MODELS.register_module(name=['HRNet', 'PoseHRNet'])
class HRNet(HighResolutionNet):
    """High-resolution network for a 1x1 head at stride 4.

    Sun et al., Deep High-Resolution Representation Learning for Human Pose Estimation, CVPR 2019,
    section 3. Differs from the release: a later transition may change the channels of a branch
    that exists already (the release reads the wrong branch there).

    Args:
        extra: ``stage1`` to ``stage4``, each with ``num_modules``, ``num_branches``, ``block``
            ('BASIC' or 'BOTTLENECK', whose outputs are 4 times as wide as ``num_channels`` says),
            ``num_blocks`` and ``num_channels`` per branch. Stage 1 has one branch and one module.
            ``stage4.multiscale_output`` overrides the argument of that name; ``upsample`` holds
            arguments of ``nn.Upsample`` (``mode``, ``align_corners``).
        in_channels: Channels of the image.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether blocks are recomputed in the backward pass to save memory.
        zero_init_residual: Whether every block starts as the identity.
        frozen_stages: The stem and this many stages, with the transitions behind them, are neither
            trained nor do they update their statistics; 0 freezes the stem, -1 nothing.
        multiscale_output: Whether all branches of stage 4 are returned, not the finest alone.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and sets norms to 1.

    Raises:
        ConfigError: ``extra`` lacks a stage or contradicts itself, ``frozen_stages`` is unknown.
    """

    def __init__(
        self,
        extra: Mapping,
        in_channels: int = 3,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        zero_init_residual: bool = False,
        frozen_stages: int = -1,
        multiscale_output: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            extra,
            in_channels,
            conv_cfg,
            norm_cfg,
            norm_eval,
            with_cp,
            zero_init_residual,
            frozen_stages,
            init_cfg,
        )
        multiscale_output = extra['stage4'].get('multiscale_output', multiscale_output)
        self.stage4 = self._make_stage(4, multiscale_output)
        freeze(self._frozen_parts())

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, in_channels, H, W).

        Returns:
            The finest map, (B, C_0, H / 4, W / 4); with ``multiscale_output`` one per branch,
            (B, C_i, H / 2 ** (i + 2), W / 2 ** (i + 2)).

        Raises:
            ConfigError: H or W is no multiple of the coarsest stride, 32 with four branches.
        """
        return tuple(self.stage4(self._run_to_stage4(x)))


@MODELS.register_module()
class HRNetPyramid(HighResolutionNet):
    """First three stages of :class:`HRNet` as a pyramid of strides 4, 8, 16 and 32.

    Yang et al., Pose Neural Fabrics Search, arXiv 1909.07068: the backbone named stem to stage 3.
    Arguments as :class:`HRNet`; ``extra.stage4`` only gives the channels of the coarsest map, which
    the transition behind stage 3 makes.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, in_channels, H, W).

        Returns:
            One map per branch of stage 4, (B, C_i, H / 2 ** (i + 2), W / 2 ** (i + 2)).

        Raises:
            ConfigError: H or W is no multiple of the coarsest stride, 32 with four branches.
        """
        return tuple(self._run_to_stage4(x))


def _conv_unit(
    in_channels: int,
    out_channels: int,
    stride: int,
    with_relu: bool,
    conv_cfg: dict | None,
    norm_cfg: dict,
) -> nn.Sequential:
    """Make a 3x3 convolution with its norm and, if asked for, its activation."""
    layers = [
        build_conv_layer(
            conv_cfg, in_channels, out_channels, 3, stride=stride, padding=1, bias=False
        ),
        build_norm_layer(norm_cfg, out_channels)[1],
    ]
    if with_relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _read_stages(extra: Mapping) -> list[_Stage]:
    """Read ``stage1`` to ``stage4`` and check them against each other."""
    names = [f'stage{i}' for i in range(1, 5)]
    missing = [name for name in names if name not in extra]
    if missing:
        raise ConfigError(f'extra must hold stage1 to stage4, got no {missing}')
    stages = [_read_stage(name, extra[name]) for name in names]
    numbers = [len(stage.channels) for stage in stages]
    if numbers[0] != 1 or numbers != sorted(numbers):
        raise ConfigError(
            'num_branches must be 1 in stage1 and not fall from stage to stage, got '
            f'{numbers} in stage1 to stage4'
        )
    return stages


def _read_stage(name: str, setting: Mapping) -> _Stage:
    """Check one stage and widen its channels by the expansion of its blocks."""
    keys = ('num_modules', 'block', 'num_blocks', 'num_channels')
    missing = [key for key in keys if key not in setting]
    if missing:
        raise ConfigError(f'extra.{name} must hold {", ".join(keys)}, got no {missing}')
    check_choice(f'extra.{name}.block', setting['block'], _BLOCKS)
    block = _BLOCKS[setting['block']]
    num_blocks, channels = tuple(setting['num_blocks']), tuple(setting['num_channels'])
    num_branches = setting.get('num_branches', len(channels))
    if not num_branches == len(num_blocks) == len(channels) > 0:
        raise ConfigError(
            f'extra.{name} must list num_blocks and num_channels for each of its '
            f'{num_branches} branches, got {num_blocks} and {channels}'
        )
    if setting['num_modules'] < 1:
        raise ConfigError(
            f'extra.{name}.num_modules must be 1 or more, got {setting["num_modules"]}'
        )
    widths = tuple(width * block.default_expansion for width in channels)
    return _Stage(setting['num_modules'], block, num_blocks, widths)
