"""Supernet of the networks for inference engines: every architecture is a part of it."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from posenas.genotype import derive_model, edge_arguments, read_edge
from posenas.models import TopdownPoseEstimator
from posenas.registry import MODELS, TASK_UTILS
from posenas.search.derived_network import Extract
from posenas.search.edge.elastic_parts import (
    EDGE_FORMS,
    ElasticEdgeHead,
    ElasticEdgeNet,
    set_fusion,
)
from posenas.search.elastic import ElasticBatchNorm2d, make_elastic
from posenas.search.space import Arch, SearchSpace
from posenas.search.supernet import Supernet
from posenas.search.vipnas.supernet import cut_out
from posenas.utils import ConfigError


@MODELS.register_module()
class EdgeSupernet(Supernet, TopdownPoseEstimator):
    """One set of weights for all networks of an :class:`~posenas.search.EdgeSpace`.

    A network takes the first channels, the centre of the kernels and the first blocks of each
    stage. Each kind of blocks, and each kind of head, has weights of its own; the rest is shared.

    Args:
        space: Config of the space.
        backbone: Arguments of the backbone that no architecture decides, such as ``init_cfg``.
        head: Arguments of the head that no architecture decides: ``out_channels``, ``loss`` and
            ``decoder``.
        share_statistics: Whether batch norms of processes that train together use the statistics
            of all their images.
        **kwargs: Other arguments of :class:`TopdownPoseEstimator`.

    Raises:
        ConfigError: Arguments say what the space decides.
    """

    def __init__(
        self,
        space: dict | SearchSpace,
        backbone: Mapping | None = None,
        head: Mapping | None = None,
        share_statistics: bool = False,
        **kwargs: Any,
    ) -> None:
        space = space if isinstance(space, SearchSpace) else TASK_UTILS.build(space)
        given = dict(backbone=dict(backbone or {}), head=dict(head or {}), **kwargs)
        largest = space.to_genotype(space.extremes()[1])
        for part, decided in edge_arguments(largest).items():
            changed = {k: v for k, v in given.get(part, {}).items() if k in decided}
            if {'type': decided['type'], **changed} != {'type': decided['type']}:
                raise ConfigError(
                    f'{part} must be of type {decided["type"]!r}, and the space decides '
                    f'{sorted(decided.keys() - {"type"})}: remove these, got {changed}'
                )
        super().__init__(**derive_model(largest, given))
        self.space, self._given = space, given
        stem_width = read_edge(largest).stem[1].out_channels
        self.backbone = ElasticEdgeNet(stem_width, space.largest_stages())
        self.head = ElasticEdgeHead(self.head, space.largest_head())
        make_elastic(self, EDGE_FORMS)
        for module in self.modules():
            if isinstance(module, ElasticBatchNorm2d):
                module.is_shared = share_statistics
        self.set_arch(None)

    def set_arch(self, arch: Arch | None) -> None:
        """Become the network of ``arch``; None: the largest one."""
        self._arch = self.space.extremes()[1] if arch is None else arch
        plan = read_edge(self.space.to_genotype(self._arch))
        self.backbone.set_active(plan)
        set_fusion(self.neck, plan)
        self.head.set_active(plan)

    def read_arch(self) -> Arch:
        """Return the architecture that is set."""
        return self._arch

    def init_weights(self) -> None:
        """Initialise as the static network; residual branches start as nothing."""
        super().init_weights()
        for stage in self.backbone.stages:
            for blocks in stage.blocks.values():
                for block in blocks:
                    nn.init.zeros_(block.convs[-1].bn.weight)

    @torch.no_grad()
    def extract(self, arch: Arch, bn_stats: Mapping[str, Tensor] | None = None) -> Extract:
        """Cut out the network of ``arch``; see :meth:`Supernet.extract`."""
        before, genotype = self.read_arch(), self.space.to_genotype(arch)
        config = dict(type='TopdownPoseEstimator', **derive_model(genotype, self._given))
        self.set_arch(arch)
        try:
            names = _build_empty(config).state_dict()
            state = {name: cut_out(self, name, bn_stats or {}) for name in names}
        finally:
            self.set_arch(before)
        return config, state, genotype

    @property
    def unused_parameters(self) -> set[str]:
        """Names of the parameters that the architecture that is set does not run."""
        network = _build_empty(derive_model(self.space.to_genotype(self._arch), self._given))
        used = set()
        for name, _ in network.named_parameters():
            path, _, leaf = name.rpartition('.')
            used.add(f'{self.find_stored(path)}.{leaf}')
        return {name for name, _ in self.named_parameters()} - used

    def find_stored(self, path: str) -> str:
        """Return our name of the module ``path`` of the static network of the active size."""
        parts = path.split('.')
        if parts[:2] == ['head', 'layers']:
            parts.insert(2, self.head.kind)
        elif parts[0] == 'backbone' and 'blocks' in parts:
            kind, _ = self.backbone.stages[int(parts[2])].active
            parts.insert(4, kind)
        return '.'.join(parts)


def _build_empty(config: Mapping) -> nn.Module:
    """Build a network without memory."""
    with torch.device('meta'):
        return MODELS.build({**deepcopy(dict(config)), 'type': 'TopdownPoseEstimator'})
