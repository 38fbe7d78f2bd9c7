"""CSPNeXt: the backbone of RTMPose."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.layers.freezing import freeze, keep_frozen
from posenas.models.layers.rtmpose.csp import CSPLayer, SPPBottleneck, make_unit
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_choice

if TYPE_CHECKING:
    from typing import Self

#: Name -> per stage: channels in, channels out, blocks, whether blocks add their input, whether
#: pyramid pooling comes first.
_ARCHITECTURES = MappingProxyType(
    dict(
        P5=(
            (64, 128, 3, True, False),
            (128, 256, 6, True, False),
            (256, 512, 6, True, False),
            (512, 1024, 3, False, True),
        ),
        P6=(
            (64, 128, 3, True, False),
            (128, 256, 6, True, False),
            (256, 512, 6, True, False),
            (512, 768, 3, True, False),
            (768, 1024, 3, False, True),
        ),
    )
)
#: Norms of the release; configs of RTMPose replace them as a whole, momentum and all.
_NORM = MappingProxyType(dict(type='BN', momentum=0.03, eps=0.001))
_INIT = MappingProxyType(
    dict(
        type='Kaiming',
        layer='Conv2d',
        a=5**0.5,
        distribution='uniform',
        mode='fan_in',
        nonlinearity='leaky_relu',
    )
)


@MODELS.register_module()
class CSPNeXt(BaseModule):
    """Stem and four stages of stride 2, whose blocks have depthwise 5x5 kernels.

    Lyu et al., RTMDet: An Empirical Study of Designing Real-Time Object Detectors, arXiv
    2212.07784, section 3; as the backbone of pose networks Jiang et al., RTMPose, arXiv 2303.07399.

    Args:
        arch: 'P5', four stages, or 'P6', five.
        deepen_factor: Factor of the blocks of each stage, at least one.
        widen_factor: Factor of all channels.
        out_indices: Maps returned, in this order: 0 is the stem, i the stage i.
        frozen_stages: The stem and this many stages are neither trained nor do they update their
            statistics; 0 freezes the stem, -1 nothing.
        use_depthwise: Whether 3x3 convolutions of stages are separable.
        expand_ratio: Width of the halves of a stage, divided by its channels.
        arch_ovewrite: Stages in place of those of ``arch``, spelt as in the release: channels in,
            channels out, blocks, whether blocks add their input, whether pyramid pooling comes
            first.
        spp_kernel_sizes: Odd sides of the windows of pyramid pooling.
        channel_attention: Whether stages weigh their channels.
        conv_cfg: Convolution layer; None is ``Conv2d``.
        norm_cfg: Normalisation layer; None is ``BN`` with momentum 0.03 and eps 0.001.
        act_cfg: Activation; None is ``SiLU``.
        norm_eval: Whether batch norms keep their statistics during training.
        init_cfg: Initialisation; None draws convolutions as PyTorch does, biases from 0.

    Raises:
        ConfigError: ``out_indices`` or ``frozen_stages`` name stages that do not exist.
        ValueError: ``arch`` is unknown.
    """

    def __init__(
        self,
        arch: str = 'P5',
        deepen_factor: float = 1.0,
        widen_factor: float = 1.0,
        out_indices: Sequence[int] = (2, 3, 4),
        frozen_stages: int = -1,
        use_depthwise: bool = False,
        expand_ratio: float = 0.5,
        arch_ovewrite: Sequence[Sequence] | None = None,
        spp_kernel_sizes: Sequence[int] = (5, 9, 13),
        channel_attention: bool = True,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        act_cfg: dict | None = None,
        norm_eval: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(dict(_INIT) if init_cfg is None else init_cfg)
        check_choice('arch', arch, _ARCHITECTURES)
        stages = arch_ovewrite or _ARCHITECTURES[arch]
        self.out_indices, self.frozen_stages = tuple(out_indices), frozen_stages
        self.norm_eval, self.num_stages = norm_eval, len(stages)
        self._check_stages()
        cfg = dict(
            conv_cfg=conv_cfg,
            norm_cfg=dict(norm_cfg or _NORM),
            act_cfg=dict(act_cfg or dict(type='SiLU')),
        )
        width = int(stages[0][0] * widen_factor)
        half = int(stages[0][0] * widen_factor // 2)
        self.stem = nn.Sequential(
            make_unit(3, half, 3, cfg, stride=2),
            make_unit(half, half, 3, cfg),
            make_unit(half, width, 3, cfg),
        )
        for i, (inputs, outputs, number, add_identity, with_spp) in enumerate(stages, start=1):
            inputs, outputs = int(inputs * widen_factor), int(outputs * widen_factor)
            down = make_unit(inputs, outputs, 3, cfg, stride=2, separable=use_depthwise)
            pool = [SPPBottleneck(outputs, outputs, spp_kernel_sizes, cfg)] if with_spp else []
            layer = CSPLayer(
                outputs,
                outputs,
                max(round(number * deepen_factor), 1),
                expand_ratio,
                add_identity,
                use_depthwise,
                channel_attention,
                cfg,
            )
            self.add_module(f'stage{i}', nn.Sequential(down, *pool, layer))
        freeze(self._frozen_parts())

    def _check_stages(self) -> None:
        """Require stages that exist."""
        number = self.num_stages
        if not self.out_indices or not all(0 <= i <= number for i in self.out_indices):
            raise ConfigError(f'out_indices must lie in 0..{number}, got {self.out_indices}')
        if not -1 <= self.frozen_stages <= number:
            raise ConfigError(f'frozen_stages must lie in -1..{number}, got {self.frozen_stages}')

    def _frozen_parts(self) -> list[nn.Module]:
        """List the stem and the stages that are not trained."""
        names = ['stem', *(f'stage{i}' for i in range(1, self.num_stages + 1))]
        return [getattr(self, name) for name in names[: self.frozen_stages + 1]]

    def train(self, mode: bool = True) -> 'Self':
        """Switch to training or evaluation; frozen parts and ``norm_eval`` stay in force."""
        return keep_frozen(super().train(mode), mode, self._frozen_parts())

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, 3, H, W).

        Returns:
            For each of ``out_indices`` i a map (B, C, H / s, W / s) with stride s = 2 ** (i + 1).
        """
        features = [self.stem(x)]
        for i in range(1, max(self.out_indices) + 1):
            features.append(getattr(self, f'stage{i}')(features[-1]))
        return tuple(features[i] for i in self.out_indices)
