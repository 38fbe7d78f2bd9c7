"""Lite-HRNet: parallel branches whose 1x1 convolutions are replaced by weights of channels."""

from collections.abc import Mapping
from typing import Self

from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.backbones.dite_hrnet import check_stages
from posenas.models.layers.dite_hrnet.fusion import IterativeHead, make_dw_pw_unit
from posenas.models.layers.freezing import fix_statistics
from posenas.models.layers.initialization import SMALL_NORMAL_INIT
from posenas.models.layers.input_size import check_input_multiple
from posenas.models.layers.lite_hrnet import LiteModule, LiteStem
from posenas.models.layers.multi_resolution import make_transition, run_transition
from posenas.registry import MODELS
from posenas.utils import ConfigError


@MODELS.register_module()
class LiteHRNet(BaseModule):
    """Lightweight high-resolution backbone of conditional channel weighting or shuffle units.

    Yu et al., Lite-HRNet: A Lightweight High-Resolution Network, CVPR 2021, section 3, with the
    arithmetic of the release, on which published weights depend: see :class:`LiteModule`.
    Differs from the release: the paths from branch 0 are evaluated once and doubled; ``with_cp``
    works.

    Args:
        extra: ``stem``: ``stem_channels``, ``out_channels``, ``expand_ratio``; ``num_stages``;
            ``stages_spec``, lists with an entry per stage: ``num_modules``, ``num_branches``,
            ``num_blocks`` per module, ``module_type`` ('LITE' or 'NAIVE'), ``with_fuse``,
            ``reduce_ratios``, ``num_channels`` of each branch; ``with_head``, whether an iterative
            head joins all branches (default) or branch 0 is returned.
        in_channels: Channels of the image.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether parts of blocks and stem are recomputed in the backward pass.
        fuse_mode: 'legacy' or 'clean', see :class:`ExchangeModule`.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and sets norms to 1.

    Raises:
        ConfigError: Entries of ``extra`` are missing or contradict each other.
        ValueError: An option is unknown.
    """

    def __init__(
        self,
        extra: Mapping,
        in_channels: int = 3,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        fuse_mode: str = 'legacy',
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(SMALL_NORMAL_INIT if init_cfg is None else init_cfg)
        check_stages(extra, _STAGE_LISTS)
        stem, spec = extra['stem'], extra['stages_spec']
        cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        width = stem['stem_channels']
        channels = stem.get('out_channels', width)
        _check_widths(width, channels, spec['num_channels'][: extra['num_stages']])
        self.num_stages, self.norm_eval = extra['num_stages'], norm_eval
        self.with_head = extra.get('with_head', True)
        self.stem = LiteStem(
            in_channels, width, channels, stem.get('expand_ratio', 1), cfg, with_cp
        )

        def unit(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
            return make_dw_pw_unit(channels_in, channels_out, stride, **cfg)

        branches = (channels,)
        for i in range(self.num_stages):
            before, branches = branches, tuple(spec['num_channels'][i])
            number = spec['num_modules'][i]
            is_last_stage = i == self.num_stages - 1
            modules = (
                LiteModule(
                    branches,
                    spec['num_blocks'][i],
                    spec['module_type'][i],
                    spec['reduce_ratios'][i],
                    spec['with_fuse'][i],
                    1 if is_last_stage and not self.with_head and j == number - 1 else None,
                    fuse_mode,
                    with_cp=with_cp,
                    **cfg,
                )
                for j in range(number)
            )
            self.add_module(f'transition{i}', make_transition(before, branches, unit))
            self.add_module(f'stage{i}', nn.Sequential(*modules))
        self.input_multiple = 4 * 2 ** (len(branches) - 1)
        if self.with_head:
            self.head_layer = IterativeHead(branches, **cfg)

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; ``norm_eval`` stays in force."""
        super().train(mode)
        if mode and self.norm_eval:
            fix_statistics(self)
        return self

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Extract features from normalised images ``x``, (B, in_channels, H, W).

        Returns:
            One map (B, C, H / 4, W / 4) with the channels of branch 0.

        Raises:
            ConfigError: A side of the images is no multiple of the stride of the last branch, 32
                for four branches.
        """
        check_input_multiple(x, self.input_multiple, 'LiteHRNet')
        branches = [self.stem(x)]
        for i in range(self.num_stages):
            branches = run_transition(getattr(self, f'transition{i}'), branches)
            branches = getattr(self, f'stage{i}')(branches)
        return (self.head_layer(branches) if self.with_head else branches[0],)


#: Keys of ``stages_spec``.
_STAGE_LISTS = (
    *('num_modules', 'num_branches', 'num_blocks', 'module_type', 'with_fuse'),
    *('reduce_ratios', 'num_channels'),
)


def _check_widths(width: int, channels: int, stages: list) -> None:
    """Require even widths, which blocks halve, and a stem that does not get narrower."""
    odd = [c for c in (width, channels, *(c for stage in stages for c in stage)) if c % 2]
    if odd or channels < width:
        raise ConfigError(
            'stem_channels, out_channels and num_channels must be even, because blocks split '
            f'channels in halves, and out_channels at least stem_channels; got {width}, {channels} '
            f'and {[tuple(stage) for stage in stages]}'
        )
