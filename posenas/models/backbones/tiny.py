"""Smallest backbone: strided convolutions, for tests and tutorials."""

from collections.abc import Sequence
from itertools import pairwise

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.registry import MODELS
from posenas.utils.checks import check_stages


@MODELS.register_module()
class TinyConvNet(BaseModule):
    """Plain stack of stride-2 convolutions; stage ``i`` has stride ``2 ** (i + 1)``.

    Args:
        channels: Output channels of each stage.
        out_indices: Stages returned by :meth:`forward`, in this order.
    """

    def __init__(
        self, channels: Sequence[int] = (16, 32), out_indices: Sequence[int] = (1,)
    ) -> None:
        super().__init__()
        self.out_indices = tuple(out_indices)
        check_stages(self.out_indices, len(channels))
        self.stages = nn.ModuleList(
            ConvModule(c_in, c_out, 3, stride=2, padding=1, norm_cfg=dict(type='BN'))
            for c_in, c_out in pairwise((3, *channels))
        )

    def find_stage_end(self, stage: int) -> str:
        """Return the name of the module whose output is that of ``stage``, from 1."""
        return f'stages.{stage - 1}'

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, 3, H, W).

        Returns:
            For each index i a map (B, channels[i], H / 2 ** (i + 1), W / 2 ** (i + 1)).
        """
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return tuple(features[i] for i in self.out_indices)
