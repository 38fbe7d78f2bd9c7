"""A neural fabric as the backbone of others."""

from collections.abc import Mapping

from torch import Tensor, nn

from posenas.models.layers.fabrics.fabric import CellFabric
from posenas.models.layers.input_size import check_input_multiple
from posenas.registry import MODELS


@MODELS.register_module()
class CNFBackbone(CellFabric):
    """Stem and first layers of a neural fabric.

    Yang et al., Pose Neural Fabrics Search, 2019 (``meta_arch``). All cells share ``alphas``; the
    ``betas`` of cell (0, 0), whose inputs are the same map, have no effect.

    Args:
        fabric: Arguments of :class:`CellFabric`: ``depth``, ``operators``, ``size_types``,
            ``factor``, ``hidden_states``, ``genotype``.
        reserve_layers: Layers R that are built; the maps of layer R - 1 are returned.
        frozen: Whether nothing is trained; statistics of batch norms still follow the data.
        init_cfg: Initialisation; None leaves PyTorch's.
    """

    def __init__(
        self,
        fabric: Mapping,
        reserve_layers: int,
        frozen: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        own = dict(reserve_layers=reserve_layers, share_alpha=True, part='backbone')
        super().__init__(**{**fabric, **own}, init_cfg=init_cfg)
        self.stem = make_fabric_stem(self.plan.channels[0])
        self.requires_grad_(not frozen)

    def forward(self, x: Tensor) -> tuple[Tensor | None, ...]:
        """Extract features from normalised images ``x``, (B, 3, H, W).

        Returns:
            For each scale of the last layer, with stride s, a map (B, factor * s, H / s, W / s);
            None where a genotype pruned its cell.
        """
        check_input_multiple(x, self.plan.stride, 'a fabric that reaches this stride')
        return super().forward((self.stem(x),))


def make_fabric_stem(channels: int) -> nn.Sequential:
    """Make the layers from an image to the finest scale of a fabric: stride 4."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.Conv2d(64, 64, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.Conv2d(64, channels, 1, bias=False),
    )
