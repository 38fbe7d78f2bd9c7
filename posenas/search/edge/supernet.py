"""Supernet of the networks for inference engines: every architecture is a part of it."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from posenas.genotype import Genotype, edge_arguments, read_edge
from posenas.registry import MODELS
from posenas.search.edge.elastic_parts import (
    EDGE_FORMS,
    ElasticEdgeHead,
    ElasticEdgeNet,
    set_fusion,
)
from posenas.search.elastic import make_elastic
from posenas.search.elastic_supernet import ElasticSupernet
from posenas.utils import ConfigError


@MODELS.register_module()
class EdgeSupernet(ElasticSupernet):
    """One set of weights for all networks of an :class:`~posenas.search.EdgeSpace`.

    A network takes the first channels, the centre of the kernels and the first blocks of each
    stage. Each kind of blocks, and each kind of head, has weights of its own; the rest is shared.
    For arguments see :class:`ElasticSupernet`.
    """

    @staticmethod
    def check_given(given: Mapping[str, Any], genotype: Genotype) -> None:
        """Require what the space leaves open; see :meth:`ElasticSupernet.check_given`."""
        for part, decided in edge_arguments(genotype).items():
            changed = {k: v for k, v in given.get(part, {}).items() if k in decided}
            if {'type': decided['type'], **changed} != {'type': decided['type']}:
                raise ConfigError(
                    f'{part} must be of type {decided["type"]!r}, and the space decides '
                    f'{sorted(decided.keys() - {"type"})}: remove these, got {changed}'
                )

    def make_elastic(self, largest: Genotype) -> None:
        """Replace the parts of the network; see :meth:`ElasticSupernet.make_elastic`."""
        stem_width = read_edge(largest).stem[1].out_channels
        self.backbone = ElasticEdgeNet(stem_width, self.space.largest_stages())
        self.head = ElasticEdgeHead(self.head, self.space.largest_head())
        make_elastic(self, EDGE_FORMS)

    def set_active(self, genotype: Genotype) -> None:
        """Run the part that ``genotype`` describes."""
        plan = read_edge(genotype)
        self.backbone.set_active(plan)
        set_fusion(self.neck, plan)
        self.head.set_active(plan)

    def init_weights(self) -> None:
        """Initialise as the static network; residual branches start as nothing."""
        super().init_weights()
        for stage in self.backbone.stages:
            for blocks in stage.blocks.values():
                for block in blocks:
                    nn.init.zeros_(block.convs[-1].bn.weight)

    @property
    def unused_parameters(self) -> set[str]:
        """Names of the parameters that the architecture that is set does not run."""
        network = self._build_static(self.space.to_genotype(self._arch))
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
