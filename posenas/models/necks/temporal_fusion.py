"""Features of one frame, joined with the heatmaps of the frame before."""

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.genotype import FUSION_OPS
from posenas.models.layers.input_size import check_input_channels
from posenas.registry import MODELS
from posenas.utils import check_choice, check_positive


@MODELS.register_module()
class TemporalFusion(BaseModule):
    """Add, multiply or concatenate what the heatmaps of the previous frame say to a feature.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 3. The paper names the operations; how heatmaps are embedded is ours: averaged down to
    the size of the feature, then two 1x1 convolutions with batch norms make E of them. The result
    is F + E, F * 2 sigmoid(E) or F + norm(conv [F, E]). Each is F itself at initialisation.

    Args:
        in_channels: Channels C of the feature F.
        num_keypoints: Heatmaps per image, K.
        op: 'add', 'mul' or 'cat'.
    """

    def __init__(self, in_channels: int, num_keypoints: int, op: str = 'add') -> None:
        super().__init__()
        check_positive('in_channels', in_channels)
        check_positive('num_keypoints', num_keypoints)
        check_choice('op', op, FUSION_OPS)
        self.in_channels, self.num_keypoints, self.op = in_channels, num_keypoints, op
        self.embed = nn.Sequential(
            nn.Conv2d(num_keypoints, in_channels, 1, bias=False),
            nn.BatchNorm2d(in_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(in_channels, in_channels, 1, bias=False),
            nn.BatchNorm2d(in_channels),
        )
        if op == 'cat':
            # the convolution of [F, E] in its two parts, so that it can run with fewer channels
            self.mix_feature = nn.Conv2d(in_channels, in_channels, 1, bias=False)
            self.mix_heatmaps = nn.Conv2d(in_channels, in_channels, 1, bias=False)
            self.mix_norm = nn.BatchNorm2d(in_channels)
        self.init_weights()

    def init_weights(self) -> None:
        """Draw the convolutions anew and become the identity."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.zeros_(self.last_norm.weight)

    @property
    def last_norm(self) -> nn.Module:
        """The norm through which all that is added passes."""
        return self.mix_norm if self.op == 'cat' else self.embed[4]

    def forward(self, feature: Tensor, heatmaps: Tensor) -> Tensor:
        """Join ``feature`` (B, C, h, w) with ``heatmaps`` (B, K, H, W).

        Returns:
            A map of the shape of the feature.

        Raises:
            ConfigError: One of them has other channels.
        """
        channels, joints = feature.shape[1], heatmaps.shape[1]
        check_input_channels(feature, self.in_channels, f'set fusion.in_channels={channels}')
        check_input_channels(heatmaps, self.num_keypoints, f'set head.out_channels={joints}')
        if heatmaps.shape[-2:] != feature.shape[-2:]:
            heatmaps = F.adaptive_avg_pool2d(heatmaps, feature.shape[-2:])
        embedded = self.embed(heatmaps)
        if self.op == 'add':
            return feature + embedded
        if self.op == 'mul':
            return feature * (2 * torch.sigmoid(embedded))
        mixed = self.mix_feature(feature) + self.mix_heatmaps(embedded)
        return feature + self.mix_norm(mixed)
