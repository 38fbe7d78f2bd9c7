"""What Lite-HRNet and Dite-HRNet share: stages of branches that exchange their maps."""

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.layers.exchange import IterativeHead, make_dw_pw_unit
from posenas.models.layers.freezing import keep_frozen
from posenas.models.layers.input_size import check_input_multiple
from posenas.models.layers.multi_resolution import make_transition, run_transition
from posenas.utils import ConfigError

if TYPE_CHECKING:
    from typing import Self

#: Makes a module of a stage from the stage, its number in the stage and the channels of branches.
MakeModule = Callable[[int, int, tuple[int, ...]], nn.Module]


class BranchedBackbone(BaseModule, ABC):
    """A stem, stages of parallel branches, and a head that joins them.

    Args:
        extra: ``stem``, ``num_stages``, ``stages_spec``, lists with an entry per stage, and
            ``with_head``, whether an iterative head joins all branches (default) or branch 0 is
            returned.
        lists: Keys of ``stages_spec``.
        norm_eval: Whether batch norms keep their statistics during training.
        init_cfg: Initialisation.

    Raises:
        ConfigError: Entries of ``extra`` are missing or contradict each other.
    """

    stem: nn.Module

    def __init__(
        self,
        extra: Mapping,
        lists: Sequence[str],
        norm_eval: bool,
        init_cfg: dict | list[dict],
    ) -> None:
        super().__init__(init_cfg)
        _check_stages(extra, lists)
        self.num_stages, self.norm_eval = extra['num_stages'], norm_eval
        self.with_head = extra.get('with_head', True)

    def _add_stages(
        self, channels: int, spec: Mapping, cfg: Mapping, make_module: MakeModule
    ) -> None:
        """Add transitions, stages and the head behind a stem of ``channels``.

        Args:
            channels: What the stem gives.
            spec: ``num_modules`` and ``num_channels`` of each stage.
            cfg: ``conv_cfg`` and ``norm_cfg`` of transitions and head.
            make_module: Makes the modules.
        """

        def unit(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
            return make_dw_pw_unit(channels_in, channels_out, stride, **cfg)

        branches = (channels,)
        for i in range(self.num_stages):
            before, branches = branches, tuple(spec['num_channels'][i])
            self.add_module(f'transition{i}', make_transition(before, branches, unit))
            modules = (make_module(i, j, branches) for j in range(spec['num_modules'][i]))
            self.add_module(f'stage{i}', nn.Sequential(*modules))
        self.input_multiple = 4 * 2 ** (len(branches) - 1)
        if self.with_head:
            self.head_layer = IterativeHead(branches, **cfg)

    def train(self, mode: bool = True) -> 'Self':
        """Switch to training or evaluation; ``norm_eval`` stays in force."""
        return keep_frozen(super().train(mode), mode)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Extract features from normalised images ``x``, (B, in_channels, H, W).

        Returns:
            One map (B, C, H / 4, W / 4) with the channels of branch 0.

        Raises:
            ConfigError: A side of the images is no multiple of the stride of the last branch, 32
                for four branches; or, in Dite-HRNet, a single image comes in training.
        """
        check_input_multiple(x, self.input_multiple, type(self).__name__)
        branches = [self.stem(x)]
        for i in range(self.num_stages):
            branches = run_transition(getattr(self, f'transition{i}'), branches)
            branches = getattr(self, f'stage{i}')(branches)
        return (self.head_layer(branches) if self.with_head else branches[0],)


def _check_stages(extra: Mapping, lists: Sequence[str]) -> None:
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
