"""Means over whole maps."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor

from posenas.registry import MODELS


@MODELS.register_module()
class GlobalAveragePooling(BaseModule):
    """Replace every map by the means of its channels."""

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Map features (B, C, H, W) to (B, C)."""
        return tuple(feat.mean((2, 3)) for feat in feats)
