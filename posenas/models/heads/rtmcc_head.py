"""The head of RTMPose: keypoints as tokens, one attention between them, two classifications."""

from collections.abc import Mapping, Sequence

from torch import nn

from posenas.models.heads.base import Features
from posenas.models.heads.simcc_base import SIMCC_LOSS, BaseSimCCHead, Vectors
from posenas.models.layers.rtmpose.gated_attention import GatedAttentionUnit, ScaleNorm
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_odd

#: What ``gau_cfg`` says, and what it says where a config leaves it out.
_GAU = dict(
    hidden_dims=256,
    s=128,
    expansion_factor=2,
    dropout_rate=0.0,
    drop_path=0.0,
    act_fn='ReLU',
    use_rel_bias=False,
    pos_enc=False,
)


@MODELS.register_module()
class RTMCCHead(BaseSimCCHead):
    """Classify x and y of each keypoint after a gated attention unit between the keypoints.

    Jiang et al., RTMPose: Real-Time Multi-Person Pose Estimation based on MMPose, arXiv 2303.07399,
    section 3.

    Args:
        in_channels: See :class:`BaseSimCCHead`.
        out_channels: See :class:`BaseSimCCHead`.
        input_size: See :class:`BaseSimCCHead`.
        in_featuremap_size: See :class:`BaseSimCCHead`.
        simcc_split_ratio: See :class:`BaseSimCCHead`.
        final_layer_kernel_size: Odd side of the convolution that makes one map per keypoint.
        gau_cfg: ``hidden_dims``, the length of the tokens, and arguments of
            :class:`GatedAttentionUnit`; what is left out has its published default.
        loss: See :class:`BaseSimCCHead`.
        decoder: See :class:`BaseSimCCHead`.
        init_cfg: See :class:`BaseSimCCHead`.

    Raises:
        ConfigError: ``gau_cfg`` has unknown keys, or ``in_channels`` is a list.
        ValueError: ``final_layer_kernel_size`` is even.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        input_size: Sequence[int],
        in_featuremap_size: Sequence[int],
        simcc_split_ratio: float = 2.0,
        final_layer_kernel_size: int = 1,
        gau_cfg: Mapping | None = None,
        loss: Mapping = SIMCC_LOSS,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            input_size,
            in_featuremap_size,
            simcc_split_ratio,
            loss,
            decoder,
            init_cfg,
        )
        check_odd('final_layer_kernel_size', [final_layer_kernel_size])
        given = dict(gau_cfg or {})
        if unknown := given.keys() - _GAU.keys():
            raise ConfigError(f'gau_cfg must have keys among {[*_GAU]}, got {sorted(unknown)}')
        options = _GAU | given
        width = options.pop('hidden_dims')
        self.final_layer = nn.Conv2d(
            in_channels,
            out_channels,
            final_layer_kernel_size,
            padding=final_layer_kernel_size // 2,
        )
        num_pixels = self.in_featuremap_size[0] * self.in_featuremap_size[1]
        self.mlp = nn.Sequential(ScaleNorm(num_pixels), nn.Linear(num_pixels, width, bias=False))
        self.gau = GatedAttentionUnit(out_channels, width, **options)
        self.cls_x, self.cls_y = (nn.Linear(width, bins, bias=False) for bins in self.num_bins)

    def forward(self, feats: Features) -> Vectors:
        """Compute logits of x (B, K, bins of x) and y (B, K, bins of y) from the last of ``feats``.

        Raises:
            ConfigError: It has another size than the head was built for.
        """
        maps = self.final_layer(self.check_feature(feats))  # (B, K, H, W)
        tokens = self.gau(self.mlp(maps.flatten(2)))  # (B, K, D)
        return self.cls_x(tokens), self.cls_y(tokens)
