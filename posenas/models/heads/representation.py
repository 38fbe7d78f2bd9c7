"""How the last heatmap of a fabric says where the keypoints of its part are."""

from collections.abc import Mapping

from torch import Tensor, nn

from posenas.registry import MODELS
from posenas.utils import check_choice, check_positive


@MODELS.register_module()
class ScalarRepresentation(nn.Module):
    """One number per keypoint and heatmap pixel. Without parameters: the layers are the part's."""

    @property
    def macro(self) -> dict[str, object]:
        """How a genotype writes it."""
        return dict(mode='scalar')

    def make_layers(self, channels: int, num_joints: int) -> dict[str, nn.Module]:
        """Make the layers that :meth:`forward` runs.

        Args:
            channels: Channels C of the fabric's last heatmap.
            num_joints: Keypoints K of the part.

        Returns:
            Published name of each layer -> the layer.
        """
        return dict(final_layer=nn.Sequential(nn.ReLU(), nn.Conv2d(channels, num_joints, 1)))

    def forward(self, x: Tensor, layers: Mapping[str, nn.Module]) -> Tensor:
        """Turn a heatmap (B, C, H, W) into heatmaps (B, K, H, W)."""
        return layers['final_layer'](x)


@MODELS.register_module()
class VectorRepresentation(nn.Module):
    """One vector v per keypoint and pixel; the heatmap is its squashed length s / (1 + s), s = v^2.

    Yang et al., Pose Neural Fabrics Search, 2019, "vector in pixel". Without parameters: the layers
    are the part's.
    Differs from the paper's code: no square root is taken, so the gradient exists at v = 0.

    Args:
        vector_dim: Length V of the vectors.
        mode: '2d' makes all vectors by one convolution; '3d' makes V heatmaps of every channel,
            mixed into the keypoints by one convolution for all V.

    Raises:
        ValueError: ``mode`` is neither, or ``vector_dim`` is not positive.
    """

    def __init__(self, vector_dim: int = 8, mode: str = '2d') -> None:
        super().__init__()
        check_choice('mode', mode, ('2d', '3d'))
        check_positive('vector_dim', vector_dim)
        self.vector_dim, self.mode = vector_dim, mode

    @property
    def macro(self) -> dict[str, object]:
        """How a genotype writes it."""
        return dict(mode=self.mode, vector_dim=self.vector_dim)

    def make_layers(self, channels: int, num_joints: int) -> dict[str, nn.Module]:
        """Make the layers; see :meth:`ScalarRepresentation.make_layers`."""
        if self.mode == '2d':
            conv = nn.Conv2d(channels, num_joints * self.vector_dim, 1)
            return dict(final_layer=nn.Sequential(nn.ReLU(), conv))
        conv = nn.Conv2d(channels, channels * self.vector_dim, 1)
        return dict(
            final_layer=nn.Sequential(conv, nn.ReLU()),
            final_layer_3d=nn.Conv3d(channels, num_joints, 1),
        )

    def forward(self, x: Tensor, layers: Mapping[str, nn.Module]) -> Tensor:
        """Turn a heatmap (B, C, H, W) into heatmaps (B, K, H, W) in [0, 1)."""
        vectors = layers['final_layer'](x).unflatten(1, (-1, self.vector_dim))
        if self.mode == '3d':  # (B, C, V, H, W) to (B, K, V, H, W)
            vectors = layers['final_layer_3d'](vectors)
        length = (vectors**2).sum(dim=2)  # a power runs in float32 under autocast
        return length / (1 + length)
