"""Networks for the frames between two key frames."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.registry import MODELS
from posenas.utils import ConfigError

#: Entries of ``fusion`` that say where; the others are arguments of :class:`TemporalFusion`.
_PLACES = ('stage', 'at')


@MODELS.register_module()
class TViPNASNet(BaseModule):
    """Image network that also reads the heatmaps of the frame before, at one of its stages.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 3. Backbone and head may be of any family. It begins as the image network that it would
    be without fusion.

    Args:
        backbone: Config of the network from images to a tuple of features.
        head: Config of the module from features to heatmaps.
        fusion: Arguments of :class:`TemporalFusion`, and where it stands: behind ``stage`` 1 to 4,
            where the backbone knows its stages, or behind the module ``at``, its dotted name below
            the backbone, '' for the backbone itself. Of several maps there the first one is
            fused. None leaves out what the frame before says.
        neck: Config of a module from features to features; None passes them on.
        init_cfg: Initialisation; None takes those of the parts.

    Raises:
        ConfigError: ``fusion`` says no place, two, or one that the backbone does not have.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        fusion: Mapping | None = None,
        neck: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = None if neck is None else MODELS.build(neck)
        self.head = MODELS.build(head)
        self.place = {name: fusion[name] for name in _PLACES if name in (fusion or {})}
        self.fusion = None
        if fusion is not None:
            if len(self.place) != 1:
                raise ConfigError(
                    f'fusion must say where by one of {_PLACES}, got {sorted(self.place)}'
                )
            given = {name: value for name, value in fusion.items() if name not in _PLACES}
            own = dict(type='TemporalFusion', num_keypoints=self.head.out_channels)
            self.fusion = MODELS.build({**own, **given})
            self.find_place()

    def find_fusion(self) -> nn.Module | None:
        """Return the module that fuses heatmaps; None without one."""
        return self.fusion

    def find_place(self) -> nn.Module:
        """Return the module behind which heatmaps are fused.

        Raises:
            ConfigError: The backbone has none there.
        """
        path = self.place.get('at')
        if path is None:
            stage = self.place['stage']
            known = getattr(self.backbone, 'find_stage_end', None)
            if known is None or stage not in (1, 2, 3, 4):
                raise ConfigError(
                    f'fusion.stage must be 1 to 4, of a backbone that names its stages, got {stage}'
                    f' of {type(self.backbone).__name__}: set fusion.at to the name of a module'
                )
            path = known(stage)
        try:
            return self.backbone.get_submodule(path)
        except AttributeError as error:
            raise ConfigError(
                f'fusion must stand behind a module of {type(self.backbone).__name__}, it has '
                f'no {path!r}'
            ) from error

    def forward(self, inputs: Tensor, heatmaps: Tensor) -> Tensor | list[Tensor]:
        """Compute heatmaps.

        Args:
            inputs: Normalised crops, (B, 3, H, W).
            heatmaps: Those of the frame before, seen from these crops, (B, K, h, w).

        Returns:
            What the head makes: heatmaps (B, K, h, w), or a list of those of each stage.
        """
        fusion = self.find_fusion()
        if fusion is None:
            feats = self.backbone(inputs)
        else:
            with _behind(self.find_place(), partial(fusion, heatmaps=heatmaps)):
                feats = self.backbone(inputs)
        return self.head(feats if self.neck is None else self.neck(feats))


@MODELS.register_module()
class HeatmapCopy(BaseModule):
    """No network: the heatmaps of the frame before, scaled, are those of this one.

    For comparisons: it shows what moving heatmaps between crops is worth alone.

    Args:
        num_keypoints: Heatmaps per image, K; the factor of each is trained.
    """

    #: Losses are those of the key network's head.
    head = None

    def __init__(self, num_keypoints: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(num_keypoints, 1, 1))

    def forward(self, inputs: Tensor, heatmaps: Tensor) -> Tensor:
        """Scale ``heatmaps`` (B, K, h, w), whatever the crops ``inputs`` (B, 3, H, W) show."""
        return self.gain * heatmaps


@contextmanager
def _behind(module: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Let everybody who calls ``module`` get what ``change`` makes of its (first) map."""

    def replace(module: nn.Module, args: tuple, output: object) -> object:
        if isinstance(output, Tensor):
            return change(output)
        return type(output)((change(output[0]), *output[1:]))

    handle = module.register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()
