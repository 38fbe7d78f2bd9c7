"""From pyramid levels to the maps that the fabric of every body part reads."""

from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.genotype.fabrics.plan import FabricPlan
from posenas.genotype.fabrics.pruning import plan_part
from posenas.models.body_parts import make_parts
from posenas.registry import MODELS
from posenas.utils import ConfigError


@MODELS.register_module()
class PartReduceNeck(BaseModule):
    """Bring every pyramid level to the channels of its scale, for every body part anew.

    Yang et al., Pose Neural Fabrics Search, 2019. Levels pass unchanged, to all parts alike, where
    the first one has the right channels. A level that a part does not read has no convolution.

    Args:
        in_channels: Channels of the levels, the finest first.
        fabric: Arguments of the fabrics, as in :class:`CNFHead`.
        parts: Body parts, as in :class:`CNFHead`.
        strict_original: Whether levels that no cell reads have convolutions too, untrained, as in
            the published code.
        init_cfg: Initialisation; None leaves PyTorch's.

    Raises:
        ConfigError: The number of levels is not that of the fabric, or only the first level has
            the right channels.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        fabric: Mapping,
        parts: Mapping,
        strict_original: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.plans = [plan_part(fabric, name) for name in make_parts(parts)]
        self.in_channels = tuple(in_channels)
        self._read = frozenset().union(*(plan.levels_read for plan in self.plans))
        for plan in self.plans:
            self._check_levels(plan)
        passes = self.in_channels[0] == self.plans[0].channels[0]
        self.reduce = nn.ModuleList(
            nn.ModuleDict({} if passes else self._make_reduce(plan, strict_original))
            for plan in self.plans
        )

    def _check_levels(self, plan: FabricPlan) -> None:
        """Require as many levels as the fabric was wired for, all or none in its channels."""
        count = len(self.in_channels)
        if not plan.fits(count):
            raise ConfigError(
                f'in_channels must have one entry for each of the {plan.num_levels} levels that '
                f'the fabric was wired for, got {self.in_channels}: set num_levels={count} in '
                'fabric, or change out_indices of the backbone'
            )
        read = [(self.in_channels[i], plan.channels[i]) for i in sorted(plan.levels_read)]
        if self.in_channels[0] == plan.channels[0] and any(have != want for have, want in read):
            raise ConfigError(
                'all levels must have the channels of the fabric where the first one has them, '
                f'{plan.channels[:count]}, got {self.in_channels}: change factor'
            )

    def _make_reduce(self, plan: FabricPlan, strict_original: bool) -> dict[str, nn.Conv2d]:
        """Make the convolutions of one part by level."""
        convs = {}
        for i, channels in enumerate(self.in_channels):
            if i in plan.levels_read or strict_original:
                convs[str(i)] = nn.Conv2d(channels, plan.channels[i], 1)
                convs[str(i)].requires_grad_(i in plan.levels_read)
        return convs

    def forward(self, feats: Sequence[Tensor | None]) -> list[tuple[Tensor | None, ...]]:
        """Adapt the levels.

        Args:
            feats: Levels (B, in_channels[i], H_i, W_i); those that no part reads may be None.

        Returns:
            For each part its levels (B, C_i, H_i, W_i); None where the part reads none.

        Raises:
            ConfigError: Number or channels of the levels differ from ``in_channels``.
        """
        channels = tuple(None if feat is None else feat.shape[1] for feat in feats)
        fitting = [
            have == want or (have is None and i not in self._read)
            for i, (have, want) in enumerate(zip(channels, self.in_channels, strict=False))
        ]
        if len(channels) != len(self.in_channels) or not all(fitting):
            raise ConfigError(
                f'the backbone must return levels of in_channels={self.in_channels}, got {channels}'
            )
        return [self._adapt(feats, convs) for convs in self.reduce]

    @staticmethod
    def _adapt(feats: Sequence[Tensor | None], convs: nn.ModuleDict) -> tuple[Tensor | None, ...]:
        """Adapt the levels for one part."""
        if not convs:
            return tuple(feats)
        return tuple(
            convs[str(i)](feat) if str(i) in convs else None for i, feat in enumerate(feats)
        )
