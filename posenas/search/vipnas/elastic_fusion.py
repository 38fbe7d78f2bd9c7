"""The light network of T-ViPNAS at its largest, with a fusion for every stage and operation."""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from posenas.genotype import FrameShape, derive_model
from posenas.models import TemporalFusion, TViPNASNet
from posenas.search.elastic import adopt, choose, make_elastic
from posenas.search.elastic_supernet import cut_out, share
from posenas.search.vipnas.elastic_blocks import VIPNAS_FORMS
from posenas.search.vipnas.supernet import check_given
from posenas.search.vipnas.temporal_space import TViPNASSpace


class ElasticTemporalFusion(TemporalFusion):
    """Fusion with the first channels of a feature.

    Args:
        fusion: The fusion at its largest; its layers are taken over.
    """

    def __init__(self, fusion: TemporalFusion) -> None:
        adopt(self, fusion)

    def set_active(self, channels: int) -> None:
        """Choose the active part."""
        choose(self, in_channels=channels)
        squeeze, norm, _, widen, last = self.embed
        squeeze.set_active(self.num_keypoints, channels)
        norm.set_active(channels)
        widen.set_active(channels, channels)
        last.set_active(channels)
        if self.op == 'cat':
            self.mix_feature.set_active(channels, channels)
            self.mix_heatmaps.set_active(channels, channels)
            self.mix_norm.set_active(channels)


_FORMS = MappingProxyType({**VIPNAS_FORMS, TemporalFusion: ElasticTemporalFusion})


class ElasticTViPNASNet(TViPNASNet):
    """All networks of a frame between key frames, in one set of weights.

    Fusions are called ``fusion.<stage>.<operation>``; everything else as in the static network.

    Args:
        space: What is searched.
        backbone: Arguments of the backbone that no architecture decides.
        head: Arguments of the head likewise.
        share_statistics: See :class:`ElasticSupernet`.
    """

    def __init__(
        self, space: TViPNASSpace, backbone: Mapping, head: Mapping, share_statistics: bool
    ) -> None:
        largest = space.spatial.to_genotype(space.spatial.extremes()[1])
        given = dict(backbone=dict(backbone), head=dict(head))
        check_given(given, largest)
        super().__init__(**derive_model(largest, given))
        self.fusion = nn.ModuleDict()
        for stage in space.stages:
            channels = FrameShape(stage, space.ops[0], largest).fuse_channels
            fusions = {op: TemporalFusion(channels, self.head.out_channels, op) for op in space.ops}
            self.fusion[str(stage)] = nn.ModuleDict(fusions)
        make_elastic(self, _FORMS)
        share(self, share_statistics)
        choose(self, place=dict(stage=space.stages[0]), op=space.ops[0])

    def set_active(self, shape: FrameShape) -> None:
        """Become the network of one frame."""
        self.backbone.set_active(shape.net)
        self.head.set_active(shape.net)
        choose(self, place=dict(stage=shape.fuse_stage), op=shape.fuse_op)
        self.find_fusion().set_active(shape.fuse_channels)

    def find_fusion(self) -> nn.Module:
        """Return the fusion that is set."""
        return self.fusion[str(self.place['stage'])][self.op]

    def init_weights(self) -> None:
        """Initialise as the static network; residual branches and fusions start as nothing."""
        super().init_weights()
        for norm in self.backbone.identity_norms():
            nn.init.zeros_(norm.weight)
        for fusions in self.fusion.values():
            for fusion in fusions.values():
                fusion.init_weights()

    def find_stored(self, path: str) -> str:
        """Return our name of the module ``path`` of the static network that is set."""
        part, _, rest = path.partition('.')
        if part == 'backbone':
            return f'{part}.{self.backbone.find_stored(rest)}'
        if part == 'fusion':
            return f'{part}.{self.place["stage"]}.{self.op}.{rest}'
        return path

    @torch.no_grad()
    def cut_out(
        self, shape: FrameShape, names: list[str], bn_stats: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the entries ``names`` of the static network of one frame."""
        self.set_active(shape)
        return {name: cut_out(self, name, bn_stats) for name in names}

    def embed_weights(self, shape: FrameShape, weights: Mapping[str, Tensor]) -> None:
        """Put the weights of a static network into their places in ours.

        What a part in force reads is found by sending the weights back through it: the gradient of
        what it reads lies where it was read from.

        Args:
            shape: The architecture of the static network; its fusion does not matter.
            weights: Its state dict; entries of parts that it does not have stay as they are.
        """
        self.set_active(shape)
        self.zero_grad(set_to_none=True)
        for name, value in weights.items():
            path, _, leaf = name.rpartition('.')
            module = self.get_submodule(self.find_stored(path))
            entry = module.effective_state()[leaf]
            stored = getattr(module, leaf)
            if not isinstance(stored, nn.Parameter):
                entry.copy_(value)  # a view of our statistics
                continue
            places, values = (_send_back(module, leaf, v) for v in (torch.ones_like(value), value))
            with torch.no_grad():
                stored.copy_(torch.where(places > 0, values, stored))


def _send_back(module: nn.Module, leaf: str, values: Tensor) -> Tensor:
    """Return ``values`` of the part of a parameter that is in force, at their places in it."""
    stored = getattr(module, leaf)
    stored.grad = None
    (module.effective_state()[leaf] * values).sum().backward()
    found, stored.grad = stored.grad, None
    return found
