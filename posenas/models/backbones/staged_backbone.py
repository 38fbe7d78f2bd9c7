"""What small networks of numbered layers share: what is returned, what is frozen."""

from abc import ABC
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.layers.freezing import freeze, keep_frozen
from posenas.utils import ConfigError
from posenas.utils.checks import check_stages

if TYPE_CHECKING:
    from typing import Self


class StagedBackbone(BaseModule, ABC):
    """A stem ``conv1`` and layers one after another.

    Args:
        num_layers: Layers behind the stem.
        out_indices: Layers whose maps are returned, from 0, in this order.
        frozen_stages: The stem and this many layers are neither trained nor do they update their
            statistics; 0 freezes the stem, -1 nothing.
        norm_eval: Whether batch norms keep their statistics during training.
        init_cfg: Initialisation.

    Raises:
        ConfigError: ``out_indices`` or ``frozen_stages`` name layers that do not exist.
    """

    conv1: nn.Module

    def __init__(
        self,
        num_layers: int,
        out_indices: Sequence[int],
        frozen_stages: int,
        norm_eval: bool,
        init_cfg: dict | list[dict],
    ) -> None:
        super().__init__(init_cfg)
        self.out_indices, self.frozen_stages = tuple(out_indices), frozen_stages
        self.norm_eval = norm_eval
        check_stages(self.out_indices, num_layers)
        if not -1 <= frozen_stages <= num_layers:
            raise ConfigError(f'frozen_stages must lie in -1..{num_layers}, got {frozen_stages}')

    def _list_layers(self) -> list[nn.Module]:
        """Return what runs behind the stem."""
        return list(self.layers)

    def _shrink(self, x: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.conv1(x)

    def _freeze(self) -> None:
        """Freeze what ``frozen_stages`` says."""
        if self.frozen_stages >= 0:
            freeze([self.conv1, *self._list_layers()[: self.frozen_stages]])

    def train(self, mode: bool = True) -> 'Self':
        """Switch to training or evaluation; frozen parts and ``norm_eval`` stay in force."""
        super().train(mode)
        self._freeze()
        return keep_frozen(self, mode)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, 3, H, W).

        Returns:
            For each of ``out_indices`` the map of that layer.
        """
        x = self._shrink(x)
        features = {}
        for i, layer in enumerate(self._list_layers()[: max(self.out_indices) + 1]):
            x = layer(x)
            if i in self.out_indices:
                features[i] = x
        return tuple(features[i] for i in self.out_indices)
