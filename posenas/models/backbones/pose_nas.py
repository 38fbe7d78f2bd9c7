"""PoseNAS: a searched encoder, a searched fusion decoder, and a second round through both."""

from collections.abc import Mapping, Sequence
from functools import partial

from torch import Tensor, nn

from posenas.genotype import Genotype
from posenas.genotype.posenas.plan import plan_network
from posenas.genotype.posenas.released import make_released_genotype
from posenas.models.backbones.pose_nas_backbone import POSENAS_CELLS, PoseNASBackbone
from posenas.models.layers.checkpointing import checkpoint_module
from posenas.models.layers.posenas.fusion import make_fusion_stage
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_probability


@MODELS.register_module()
class PoseNAS(PoseNASBackbone):
    """Encoder and decoder of searched cells; without arguments the published L18-C48.

    Bao et al., Pose-native Network Architecture Search for Multi-person Human Pose Estimation, ACM
    MM 2020; the macro structure is that of :class:`PoseNASBackbone`. Each size that is None is that
    of the genotype.

    Args:
        layers: Cells of the encoder.
        init_channels: Channels C0 of the first convolution.
        genotype: Architecture of family posenas; None is the published one.
        num_stages: 1, or 2 with the second round.
        reductions: Positions of the three cells that halve the size; needed where ``layers`` is
            neither 12 nor 18.
        taps: Cells whose outputs are f0..f3; the last of each size where None.
        refine: Those of ``layers``, ``channels``, ``reductions`` and ``taps`` of the second round
            that differ from the genotype.
        fusion: 'released' adds d_k twice, as the published code and weights do; 'intended' adds
            f_k and d_k and lets the second round see f0 too, at the cost of one more projection.
        se_ratio: Bottleneck of channel attention; 2 in the first revision, 1 for none.
        drop_path: Probability that training drops an edge that is no skip connection.
        in_channels: Channels of the image.
        with_cp: Whether cells are recomputed in the backward pass to save memory.
        norm_cfg: Norm; None is a batch norm.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and sets norms to 1.

    Raises:
        ConfigError: Sizes or genotype do not make a network.
    """

    def __init__(
        self,
        layers: int | None = None,
        init_channels: int | None = None,
        genotype: Genotype | Mapping | None = None,
        num_stages: int | None = None,
        reductions: Sequence[int] | None = None,
        taps: Sequence[int] | None = None,
        refine: Mapping | None = None,
        fusion: str | None = None,
        se_ratio: int | None = None,
        drop_path: float = 0.0,
        in_channels: int = 3,
        with_cp: bool = False,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        check_probability('drop_path', drop_path)
        genotype = _read_genotype(genotype)
        plan = plan_network(
            genotype,
            refine,
            layers=layers,
            init_channels=init_channels,
            num_stages=num_stages,
            reductions=reductions,
            taps=taps,
            fusion=fusion,
            se_ratio=se_ratio,
        )
        settings = dict(drop_path=drop_path, norm_cfg=norm_cfg, se_ratio=plan.se_ratio)
        normal, reduce, *fusions = (genotype.cells[name] for name in POSENAS_CELLS)
        make_stage = partial(make_fusion_stage, fusions, sources=plan.sources, **settings)
        super().__init__(
            plan, (normal, reduce), make_stage, settings, in_channels, norm_cfg, init_cfg
        )
        self.genotype, self.with_cp = genotype, with_cp

    def run_cell(self, cell: nn.Module, first: Tensor, second: Tensor) -> Tensor:
        """Run one cell on its two inputs, (B, C, H, W) each."""
        if self.with_cp:
            return checkpoint_module(cell, cell, first, second)
        return cell(first, second)


def _read_genotype(genotype: Genotype | Mapping | None) -> Genotype:
    """Return the record of a genotype that has the cells of this family."""
    if genotype is None:
        return make_released_genotype()
    if not isinstance(genotype, Genotype):
        genotype = Genotype.from_dict(genotype)
    kinds = {name: cell.kind for name, cell in (genotype.cells or {}).items()}
    wanted = dict(
        zip(POSENAS_CELLS, ('normal', 'reduce', 'fusion', 'fusion', 'fusion'), strict=True)
    )
    if genotype.family != 'posenas' or kinds != wanted:
        raise ConfigError(
            f'genotype must be of family posenas and have the cells {wanted}, got family '
            f'{genotype.family} and {kinds}'
        )
    return genotype
