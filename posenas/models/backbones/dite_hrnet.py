"""Dite-HRNet: parallel branches of few operations whose kernels and channels adapt to the image."""

from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.layers.dite_hrnet.blocks import DiteStem, DynamicOptions
from posenas.models.layers.dite_hrnet.fusion import DiteModule, IterativeHead, make_dw_pw_unit
from posenas.models.layers.freezing import fix_statistics
from posenas.models.layers.initialization import SMALL_NORMAL_INIT
from posenas.models.layers.input_size import check_input_multiple
from posenas.models.layers.multi_resolution import make_transition, run_transition
from posenas.registry import MODELS
from posenas.utils import ConfigError


@MODELS.register_module()
class DiteHRNet(BaseModule):
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
        super().__init__(init_cfg or SMALL_NORMAL_INIT)
        check_stages(extra, _STAGE_LISTS)
        _check_stem(extra['stem'])
        self.num_stages, self.norm_eval = extra['num_stages'], norm_eval
        spec, channels = extra['stages_spec'], extra['stem']['stem_channels']
        options = _read_options(extra, num_branches=len(spec['num_channels'][self.num_stages - 1]))
        layers_cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg or dict(type='BN'))
        block_norm_cfg = layers_cfg['norm_cfg'] if norm_cfg_all else dict(type='BN')
        self.stem = DiteStem(
            in_channels, channels, options.attention_reduction, block_norm_cfg, with_cp
        )

        def unit(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
            return make_dw_pw_unit(channels_in, channels_out, stride, **layers_cfg)

        branches = (channels,)
        for i in range(self.num_stages):
            before, branches = branches, tuple(spec['num_channels'][i])
            modules = (
                DiteModule(
                    branches,
                    spec['num_blocks'][i],
                    options,
                    spec['with_fuse'][i],
                    fuse_mode,
                    block_norm_cfg=block_norm_cfg,
                    with_cp=with_cp,
                    **layers_cfg,
                )
                for _ in range(spec['num_modules'][i])
            )
            self.add_module(f'transition{i}', make_transition(before, branches, unit))
            self.add_module(f'stage{i}', nn.Sequential(*modules))
        self.input_multiple = 4 * 2 ** (len(branches) - 1)
        self.with_head = extra.get('with_head', True)
        if self.with_head:
            self.head_layer = IterativeHead(branches, **layers_cfg)
        else:
            self._freeze_unread_paths()

    def _freeze_unread_paths(self) -> None:
        """Freeze the last exchange towards branches that nothing reads: it gets no gradient."""
        for module in getattr(self, f'stage{self.num_stages - 1}')[-1:]:
            if module.with_fuse:
                module.fuse_layers[1:].requires_grad_(False)

    def train(self, mode: bool = True) -> 'DiteHRNet':
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
                for four branches; or a single image comes in training.
        """
        check_input_multiple(x, self.input_multiple, 'DiteHRNet')
        branches = [self.stem(x)]
        for i in range(self.num_stages):
            branches = run_transition(getattr(self, f'transition{i}'), branches)
            branches = getattr(self, f'stage{i}')(branches)
        return (self.head_layer(branches) if self.with_head else branches[0],)


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


def check_stages(extra: Mapping, lists: Sequence[str]) -> None:
    """Require a complete description, and stages that never lose branches.

    Args:
        extra: ``stem``, ``num_stages`` and ``stages_spec``.
        lists: Keys of ``stages_spec``, each of a list with an entry per stage.

    Raises:
        ConfigError: Something is missing or contradicts something else.
    """
    _check_keys('extra', extra, ('stem', 'num_stages', 'stages_spec'))
    spec, num_stages = extra['stages_spec'], extra['num_stages']
    _check_keys("extra['stem']", extra['stem'], ('stem_channels',))
    _check_keys("extra['stages_spec']", spec, lists)
    for name in lists:
        if num_stages < 1 or len(spec[name]) < num_stages:
            raise ConfigError(
                f"extra['stages_spec']['{name}'] must have an entry for each of num_stages = "
                f'{num_stages} >= 1 stages, got {spec[name]}'
            )
    before = 1
    for i in range(num_stages):
        widths, num_branches = spec['num_channels'][i], spec['num_branches'][i]
        if len(widths) != num_branches or num_branches < before:
            raise ConfigError(
                f'stage {i} must have num_branches >= {before} and as many num_channels, got '
                f'num_branches {num_branches} and num_channels {tuple(widths)}'
            )
        before = num_branches


def _check_keys(name: str, given: Mapping, needed: Sequence[str]) -> None:
    if missing := [key for key in needed if key not in given]:
        raise ConfigError(f'{name} must have keys {list(needed)}, got none of {missing}')
