"""Residual networks, the backbones of the simple baselines."""

from collections.abc import Mapping, Sequence

from posenas.models.backbones.residual_backbone import ResidualBackbone
from posenas.models.layers.residual import BasicBlock, Bottleneck, ResidualBlock
from posenas.registry import MODELS

#: Depth -> class of the blocks and blocks per stage.
_ARCHITECTURES: Mapping[int, tuple[type[ResidualBlock], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


@MODELS.register_module()
class ResNet(ResidualBackbone):
    """Residual network; with all ``out_indices`` a pyramid of strides 4, 8, 16 and 32.

    He et al., Deep Residual Learning for Image Recognition, CVPR 2016, table 1.

    Args:
        depth: 18, 34, 50, 101 or 152.
        in_channels: Channels of the image.
        stem_channels: Channels of the stem.
        base_channels: Output channels of the first stage divided by ``expansion``; every further
            stage doubles them.
        expansion: Output channels of a block divided by its inner width; None is 1 for depths 18
            and 34 and 4 for the others.
        num_stages: Stages built, 1 to 4.
        strides: Stride of the first block of each stage.
        dilations: Dilation of the blocks of each stage.
        out_indices: Stages whose maps are returned, 0 to ``num_stages - 1``, in this order.
        style: 'pytorch' puts the stride of a bottleneck into its 3x3 convolution, 'caffe' into the
            first one.
        deep_stem: Whether three 3x3 convolutions replace the stem's 7x7.
        avg_down: Whether shortcuts with a stride average before their 1x1 convolution.
        frozen_stages: The stem and this many stages are neither trained nor do they update their
            statistics; 0 freezes the stem, -1 nothing.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether blocks are recomputed in the backward pass to save memory.
        zero_init_residual: Whether every block starts as the identity.
        init_cfg: Initialisation; None draws convolutions by He's rule and sets norms to 1.
        frozen: Whether nothing is trained; statistics of batch norms still follow the data, other
            than with ``frozen_stages``.

    Raises:
        KeyError: There is no network of this depth.
        ConfigError: Lists are too short, or an index lies outside.
    """

    def __init__(
        self,
        depth: int,
        in_channels: int = 3,
        stem_channels: int = 64,
        base_channels: int = 64,
        expansion: int | None = None,
        num_stages: int = 4,
        strides: Sequence[int] = (1, 2, 2, 2),
        dilations: Sequence[int] = (1, 1, 1, 1),
        out_indices: Sequence[int] = (3,),
        style: str = 'pytorch',
        deep_stem: bool = False,
        avg_down: bool = False,
        frozen_stages: int = -1,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        zero_init_residual: bool = True,
        init_cfg: dict | list[dict] | None = None,
        frozen: bool = False,
    ) -> None:
        if depth not in _ARCHITECTURES:
            raise KeyError(f'depth must be one of {sorted(_ARCHITECTURES)}, got {depth}')
        block, num_blocks = _ARCHITECTURES[depth]
        expansion = expansion or block.default_expansion
        super().__init__(
            block,
            num_blocks,
            [base_channels * expansion * 2**i for i in range(num_stages)],
            in_channels=in_channels,
            stem_channels=stem_channels,
            strides=strides,
            dilations=dilations,
            out_indices=out_indices,
            deep_stem=deep_stem,
            avg_down=avg_down,
            frozen_stages=frozen_stages,
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
            norm_eval=norm_eval,
            init_cfg=init_cfg,
            expansion=expansion,
            style=style,
            with_cp=with_cp,
            zero_init_residual=zero_init_residual,
        )
        self.feat_dim = base_channels * expansion * 2 ** (num_stages - 1)
        if frozen:
            self.requires_grad_(False)
