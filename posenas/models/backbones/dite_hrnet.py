"""Dite-HRNet: parallel branches of few operations whose kernels and channels adapt to the image."""

from collections.abc import Mapping

from posenas.models.backbones.branched_backbone import BranchedBackbone
from posenas.models.layers.dite_hrnet.blocks import DiteModule, DiteStem, DynamicOptions
from posenas.models.layers.initialization import SMALL_NORMAL_INIT
from posenas.registry import MODELS
from posenas.utils import ConfigError


@MODELS.register_module()
class DiteHRNet(BranchedBackbone):
    """Lightweight high-resolution backbone with dynamic kernels and adaptive contexts.

    Li et al., Dite-HRNet: Dynamic Lightweight High-Resolution Network for Human Pose Estimation,
    IJCAI 2022, section 3, with the arithmetic of the release, on which published weights depend:
    see :class:`DiteModule` for the sum of branches and :class:`DenseContext` for its pooling.
    Differs from the release: a stage may have one branch; the paths from branch 0 are evaluated
    once and doubled.

    Args:
        extra: ``stem``: ``stem_channels`` and the equal ``out_channels``; ``num_stages``;
            ``stages_spec``, lists with an entry per stage: ``num_modules``, ``num_branches``,
            ``num_blocks`` per module, ``with_fuse``, ``num_channels`` of each branch;
            ``with_head``, whether an iterative head joins all branches (default) or branch 0 is
            returned; ``dynamic``, fields of :class:`DynamicOptions`.
        in_channels: Channels of the image.
        conv_cfg: Convolution layer of transitions, exchange and iterative head.
        norm_cfg: Their normalisation layer; stem and blocks have ``BN``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether parts of blocks and stem are recomputed in the backward pass.
        norm_cfg_all: Whether ``norm_cfg`` reaches stem and blocks too.
        fuse_mode: 'legacy' or 'clean', see :class:`DiteModule`.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and sets norms to 1, while kernel banks stay Kaiming-uniform.

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
        norm_cfg_all: bool = False,
        fuse_mode: str = 'legacy',
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(extra, _STAGE_LISTS, norm_eval, init_cfg or SMALL_NORMAL_INIT)
        _check_stem(extra['stem'])
        spec, channels = extra['stages_spec'], extra['stem']['stem_channels']
        options = _read_options(extra, num_branches=len(spec['num_channels'][self.num_stages - 1]))
        layers_cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        block_norm_cfg = layers_cfg['norm_cfg'] if norm_cfg_all else dict(type='BN')
        self.stem = DiteStem(
            in_channels, channels, options.attention_reduction, block_norm_cfg, with_cp
        )

        def make_module(i: int, _: int, branches: tuple[int, ...]) -> DiteModule:
            return DiteModule(
                branches,
                spec['num_blocks'][i],
                options,
                spec['with_fuse'][i],
                fuse_mode,
                block_norm_cfg=block_norm_cfg,
                with_cp=with_cp,
                **layers_cfg,
            )

        self._add_stages(channels, spec, layers_cfg, make_module)
        if not self.with_head:
            self._freeze_unread_paths()

    def _freeze_unread_paths(self) -> None:
        """Freeze the last exchange towards branches that nothing reads: it gets no gradient."""
        for module in getattr(self, f'stage{self.num_stages - 1}')[-1:]:
            if module.with_fuse:
                module.fuse_layers[1:].requires_grad_(False)


#: Keys of ``stages_spec``.
_STAGE_LISTS = ('num_modules', 'num_branches', 'num_blocks', 'with_fuse', 'num_channels')


def _read_options(extra: Mapping, num_branches: int) -> DynamicOptions:
    """Build the options of the blocks."""
    given = extra.get('dynamic') or {}
    known = DynamicOptions.__dataclass_fields__
    if unknown := set(given) - set(known):
        raise ConfigError(
            f"extra['dynamic'] must have keys among {sorted(known)}, got {sorted(unknown)}"
        )
    options = DynamicOptions(**given)
    options.check(num_branches)
    return options


def _check_stem(stem: Mapping) -> None:
    """Require equal widths."""
    if stem.get('out_channels', stem['stem_channels']) != stem['stem_channels']:
        raise ConfigError(
            "extra['stem'] must have equal stem_channels and out_channels, because the stem emits "
            f'stem_channels, got {stem["stem_channels"]} and {stem["out_channels"]}'
        )
