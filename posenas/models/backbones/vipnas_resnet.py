"""S-ViPNAS-Res50: a residual network whose stages were searched."""

from collections.abc import Sequence

from posenas.models.backbones.residual_backbone import ResidualBackbone, check_per_stage
from posenas.models.layers.initialization import SMALL_NORMAL_INIT
from posenas.models.layers.residual import Bottleneck
from posenas.registry import MODELS
from posenas.utils import check_odd


@MODELS.register_module(name=['ViPNASResNet', 'ViPNAS_ResNet'])
class ViPNASResNet(ResidualBackbone):
    """Residual backbone of S-ViPNAS-Res50; the defaults are the searched network.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 4. Lists with five entries describe the stem (index 0) and the stages 1 to 4.
    Differs from the release: dilated convolutions are padded so that the map keeps its size (the
    release pads by half the kernel, which breaks the addition), and
    ``zero_init_residual`` is honoured (hence its default False, what the release did).

    Args:
        depth: Only 50; it names the block type.
        in_channels: Channels of the image.
        num_stages: Stages built, 1 to 4.
        strides: Stride of the first block of each stage.
        dilations: Dilation of the middle convolutions of each stage.
        out_indices: Stages whose maps are returned, 0 to ``num_stages - 1``, in this order.
        style: See :class:`Bottleneck`.
        deep_stem: Whether three 3x3 convolutions replace the stem's large one.
        avg_down: Whether shortcuts with a stride average before their 1x1 convolution.
        frozen_stages: The stem and this many stages are neither trained nor do they update their
            statistics; 0 freezes the stem, -1 nothing.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN``.
        norm_eval: Whether batch norms keep their statistics during training.
        with_cp: Whether blocks are recomputed in the backward pass to save memory.
        zero_init_residual: Whether every block starts as the identity.
        wid: Widths.
        expan: Output channels of a stage divided by its width; the middle convolutions have the
            width itself, so the searched value 1 means no bottleneck at all.
        dep: Blocks per stage.
        ks: Kernel sides, odd.
        group: Groups of the middle convolutions.
        att: Whether blocks carry a context block.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and sets norms to 1.

    Raises:
        KeyError: ``depth`` is not 50.
        ConfigError: Lists are too short, an index lies outside or channels cannot be grouped.
        ValueError: An entry of ``ks`` is even.
    """

    def __init__(
        self,
        depth: int,
        in_channels: int = 3,
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
        zero_init_residual: bool = False,
        wid: Sequence[int] = (48, 80, 160, 304, 608),
        expan: Sequence[int | None] = (None, 1, 1, 1, 1),
        dep: Sequence[int | None] = (None, 4, 6, 7, 3),
        ks: Sequence[int] = (7, 3, 5, 5, 5),
        group: Sequence[int | None] = (None, 16, 16, 16, 16),
        att: Sequence[bool | None] = (None, True, False, True, True),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if depth != 50:
            raise KeyError(f'depth must be 50, the only searched ViPNAS ResNet, got {depth}')
        per_stem_and_stage = dict(wid=wid, expan=expan, dep=dep, ks=ks, group=group, att=att)
        check_per_stage(num_stages, {}, per_stem_and_stage)
        check_odd('ks', ks[: num_stages + 1])
        channels = [wid[i] * expan[i] for i in range(1, num_stages + 1)]
        super().__init__(
            Bottleneck,
            dep[1 : num_stages + 1],
            channels,
            in_channels,
            wid[0],
            ks[0],
            strides,
            dilations,
            out_indices,
            deep_stem,
            avg_down,
            frozen_stages,
            conv_cfg,
            norm_cfg,
            norm_eval,
            init_cfg or SMALL_NORMAL_INIT,
            [
                dict(expansion=e, kernel_size=k, groups=g, with_attention=bool(a))
                for e, k, g, a in list(zip(expan, ks, group, att, strict=False))[1:]
            ],
            style=style,
            with_cp=with_cp,
            zero_init_residual=zero_init_residual,
        )
        self.feat_dim = channels[-1]
