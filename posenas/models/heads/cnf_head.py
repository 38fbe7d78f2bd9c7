"""Heatmaps by one neural fabric per body part."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn

from posenas.genotype import Genotype
from posenas.genotype.fabrics.pruning import check_macro, read_genotype
from posenas.models.backbones.cnf import make_fabric_stem
from posenas.models.body_parts import make_parts
from posenas.models.heads.base import BaseHeatmapHead
from posenas.models.layers.fabrics.fabric import CellFabric
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_choice

#: Half the mean squared error, as published; keypoints that are not labelled count in the mean.
_LOSS = MappingProxyType(dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5))
_REPRESENTATION = MappingProxyType(dict(type='VectorRepresentation'))


class PartFabric(CellFabric):
    """Fabric of one body part with the layers that make the heatmaps of its keypoints.

    Args:
        num_joints: Keypoints K of the part.
        representation: Makes and runs the last layers.
        with_stem: Whether there is a stem that never runs, as in the published code.
        **fabric: Arguments of :class:`CellFabric`.
    """

    def __init__(
        self, num_joints: int, representation: nn.Module, with_stem: bool, **fabric: object
    ) -> None:
        super().__init__(**fabric)
        channels = self.plan.channels[0]
        if with_stem:
            self.stem = make_fabric_stem(channels).requires_grad_(False)
        self.representation = representation
        layers = representation.make_layers(channels, num_joints)
        self._last_names = tuple(layers)
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, levels: Sequence[Tensor | None]) -> Tensor:
        """Turn pyramid levels into heatmaps (B, K, H, W) of the size of the finest scale."""
        (last,) = super().forward(levels)
        return self.representation(last, self.last_layers)

    @property
    def last_layers(self) -> dict[str, nn.Module]:
        """The layers behind the fabric, by name."""
        return {name: getattr(self, name) for name in self._last_names}


class PartFabrics(nn.ModuleDict):
    """The fabrics of all parts by name, run one after the other."""

    def forward(self, feats: Sequence[Sequence[Tensor | None]] | Sequence[Tensor | None]) -> Tensor:
        """Compute the heatmaps of all parts, one behind the other, (B, sum of K, H, W).

        Args:
            feats: Levels of each part, or those that all parts read.

        Raises:
            ConfigError: Levels are there for another number of parts.
        """
        parts = list(self.values())
        if feats[0] is None or isinstance(feats[0], Tensor):
            feats = [feats] * len(parts)
        if len(feats) != len(parts):
            raise ConfigError(
                f'the neck must give levels to each of the parts {list(self)}, got {len(feats)}: '
                'give neck and head the same parts'
            )
        return torch.cat([part(x) for part, x in zip(parts, feats, strict=True)], dim=1)


@MODELS.register_module()
class CNFHead(BaseHeatmapHead):
    """Let a neural fabric of its own find the keypoints of every part of the body.

    Yang et al., Pose Neural Fabrics Search, 2019.

    Args:
        fabric: Arguments of :class:`CellFabric` that all parts share.
        parts: ``dict(type='BodyParts', dataset='coco', num_parts=3)``, or the name of each part
            with its keypoints.
        representation: :class:`VectorRepresentation` or :class:`ScalarRepresentation`.
        overlap: What becomes of keypoints that several parts have: their heatmaps are added, 'sum',
            as published, or averaged, 'mean'.
        out_channels: Heatmaps K; None counts the keypoints of the parts.
        loss: See :class:`BaseHeatmapHead`.
        decoder: See :class:`BaseHeatmapHead`.
        strict_original: Whether parts have the stem that never runs in the published code,
            untrained; for its parameter counts.
        init_cfg: Initialisation; None leaves PyTorch's.

    Raises:
        ConfigError: A keypoint belongs to no part, or the genotype is of another network.
    """

    def __init__(
        self,
        fabric: Mapping,
        parts: Mapping,
        representation: Mapping = _REPRESENTATION,
        overlap: str = 'sum',
        out_channels: int | None = None,
        loss: Mapping = _LOSS,
        decoder: dict | None = None,
        strict_original: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        check_choice('overlap', overlap, ('sum', 'mean'))
        groups = make_parts(parts)
        joints = [joint for group in groups.values() for joint in group]
        out_channels = max(joints) + 1 if out_channels is None else out_channels
        super().__init__(out_channels, loss, decoder, init_cfg or [])
        if set(joints) != set(range(out_channels)):
            raise ConfigError(
                f'the parts must cover the keypoints 0 to {out_channels - 1} of the {out_channels} '
                f'heatmaps and no others, got {groups}: change parts or out_channels'
            )
        made = MODELS.build(dict(representation))
        if fabric.get('genotype') is not None:
            macro = dict(parts=_to_lists(groups), overlap=overlap, representation=made.macro)
            _check_genotype(fabric['genotype'], macro)
        self.parts = PartFabrics(
            {
                name: PartFabric(
                    **{**fabric, 'part': name},
                    num_joints=len(group),
                    representation=made,
                    with_stem=strict_original,
                )
                for name, group in groups.items()
            }
        )
        self.overlap = overlap
        self._index_maps(joints)

    def _index_maps(self, joints: Sequence[int]) -> None:
        """Say where the heatmaps of the parts, one behind the other, belong."""
        places = range(self.out_channels)
        owners = [[i for i, owned in enumerate(joints) if owned == joint] for joint in places]
        second = [(joint, i) for joint, own in enumerate(owners) for i in own[1:]]
        counts = [len(own) for own in owners]
        buffers = dict(
            first=torch.tensor([own[0] for own in owners]),
            further=torch.tensor(second, dtype=torch.long).view(-1, 2),
            share=1 / torch.tensor(counts, dtype=torch.get_default_dtype()).view(-1, 1, 1),
        )
        for name, buffer in buffers.items():
            self.register_buffer(f'_{name}', buffer, persistent=False)

    def forward(self, feats: Sequence[Sequence[Tensor | None]] | Sequence[Tensor]) -> Tensor:
        """Compute the heatmaps.

        Args:
            feats: For each part its pyramid levels, from :class:`PartReduceNeck`; or the levels
                that all parts read, from a backbone with the right channels.

        Returns:
            (B, K, H, W) of the size of the finest level, in the order of the data set.
        """
        return self._assemble(self.parts(feats))

    def _assemble(self, maps: Tensor) -> Tensor:
        """Bring the heatmaps of all parts into the order of the keypoints, one per keypoint."""
        heatmaps = maps[:, self._first]
        if len(self._further):
            heatmaps = heatmaps.index_add(1, self._further[:, 0], maps[:, self._further[:, 1]])
            if self.overlap == 'mean':
                heatmaps = heatmaps * self._share
        return heatmaps


def _to_lists(parts: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    return {name: list(joints) for name, joints in parts.items()}


def _check_genotype(genotype: Mapping | Genotype, macro: Mapping) -> None:
    """Require a genotype for these parts and no others."""
    record = read_genotype(genotype)
    check_macro(record.macro, macro)
    named = {name.rpartition('.')[0] for name in record.cells or {}} - {'backbone'}
    if named != macro['parts'].keys():
        raise ConfigError(
            f'the genotype must have cells of the parts {list(macro["parts"])}, got {sorted(named)}'
        )
