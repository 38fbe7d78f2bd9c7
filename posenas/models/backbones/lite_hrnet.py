"""Lite-HRNet: parallel branches whose 1x1 convolutions are replaced by weights of channels."""

from collections.abc import Mapping

from posenas.models.backbones.branched_backbone import BranchedBackbone
from posenas.models.layers.initialization import SMALL_NORMAL_INIT
from posenas.models.layers.lite_hrnet.blocks import LiteModule, LiteStem
from posenas.registry import MODELS
from posenas.utils import ConfigError


@MODELS.register_module()
class LiteHRNet(BranchedBackbone):
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
        init_cfg = SMALL_NORMAL_INIT if init_cfg is None else init_cfg
        super().__init__(extra, _STAGE_LISTS, norm_eval, init_cfg)
        stem, spec = extra['stem'], extra['stages_spec']
        cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        width = stem['stem_channels']
        channels = stem.get('out_channels', width)
        _check_widths(width, channels, spec['num_channels'][: extra['num_stages']])
        self.stem = LiteStem(
            in_channels, width, channels, stem.get('expand_ratio', 1), cfg, with_cp
        )

        def make_module(i: int, j: int, branches: tuple[int, ...]) -> LiteModule:
            is_last = i == self.num_stages - 1 and j == spec['num_modules'][i] - 1
            return LiteModule(
                branches,
                spec['num_blocks'][i],
                spec['module_type'][i],
                spec['reduce_ratios'][i],
                spec['with_fuse'][i],
                1 if is_last and not self.with_head else None,
                fuse_mode,
                with_cp=with_cp,
                **cfg,
            )

        self._add_stages(channels, spec, cfg, make_module)


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
