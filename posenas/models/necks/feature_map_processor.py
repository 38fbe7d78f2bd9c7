"""Choose and join features."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from mmengine.model import BaseModule
from torch import Tensor

from posenas.registry import MODELS
from posenas.utils import ConfigError, check_positive


@MODELS.register_module()
class FeatureMapProcessor(BaseModule):
    """Select features of a backbone and, on request, join, resize and rectify them.

    Args:
        select_index: Which features to take, a number or several; None takes all.
        concat: Whether the features are resized to the first one's size and concatenated along
            channels.
        scale_factor: Factor on height and width of the results.
        apply_relu: Whether results are rectified.
        align_corners: Whether the corner cells of a map and of its resized form coincide.

    Raises:
        ConfigError: ``scale_factor`` is not positive.
    """

    def __init__(
        self,
        select_index: int | Sequence[int] | None = None,
        concat: bool = False,
        scale_factor: float = 1.0,
        apply_relu: bool = False,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        check_positive('scale_factor', scale_factor)
        self.select_index = (select_index,) if isinstance(select_index, int) else select_index
        self.concat, self.apply_relu = concat, apply_relu
        self.scale_factor, self.align_corners = scale_factor, align_corners

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Process features, each (B, C_i, H_i, W_i).

        Returns:
            The selected ones in their order, or their concatenation alone.

        Raises:
            ConfigError: ``select_index`` names a feature that is not there.
        """
        chosen = (
            list(feats)
            if self.select_index is None
            else [self._pick(feats, index) for index in self.select_index]
        )
        if self.concat:
            size = chosen[0].shape[-2:]
            chosen = [torch.cat([self._resize(x, size) for x in chosen], dim=1)]
        if self.scale_factor != 1:
            sizes = [[round(side * self.scale_factor) for side in x.shape[-2:]] for x in chosen]
            chosen = [self._resize(x, size) for x, size in zip(chosen, sizes, strict=True)]
        return tuple(F.relu(x) if self.apply_relu else x for x in chosen)

    def _pick(self, feats: Sequence[Tensor], index: int) -> Tensor:
        if not -len(feats) <= index < len(feats):
            raise ConfigError(
                f'select_index must name features of the backbone, which gives {len(feats)}, got '
                f'{index}'
            )
        return feats[index]

    def _resize(self, x: Tensor, size: Sequence[int]) -> Tensor:
        if tuple(x.shape[-2:]) == tuple(size):
            return x
        return F.interpolate(x, tuple(size), mode='bilinear', align_corners=self.align_corners)
