"""What the relaxation of a PoseNAS network is expected to cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from posenas.registry import MODELS
from posenas.search.supernets.posenas_backbone import PoseNASSearchBackbone
from posenas.search.supernets.posenas_cells import InputChoice, SearchCell
from posenas.utils.profiling import profile_model

__all__ = ['MacsTable', 'make_macs_table']


@dataclass(frozen=True)
class MacsTable:
    """Multiply-accumulates of the parts of a supernet, all cells of a group together.

    Attributes:
        fixed: Of what every network of the space has.
        operations: Group -> of each operation of each edge, (E, O).
        inputs: Input of a fusion cell, such as 'fuse1_coarse' -> of each map it may read, (N,).
    """

    fixed: int
    operations: dict[str, Tensor]
    inputs: dict[str, Tensor]

    def expect(self, backbone: PoseNASSearchBackbone) -> Tensor:
        """Return the expected cost of what a relaxation keeps, two edges per node, ()."""
        total = torch.tensor(float(self.fixed))
        for group in backbone.space.groups:
            costs = self.operations[group.key]
            weights, edges = backbone.weights_of(group), backbone.edge_weights_of(group)
            total = total.to(weights) + (2 * edges[:, None] * weights * costs.to(weights)).sum()
        for name, costs in self.inputs.items():
            gamma = backbone.arch.gamma[name]
            total = total + (gamma.softmax(-1) * costs.to(gamma)).sum()
        return total


def make_macs_table(backbone: Mapping, head: Mapping, input_size: Sequence[int]) -> MacsTable:
    """Count the multiply-accumulates of every candidate by running all of them, without numbers.

    Args:
        backbone: Config of a :class:`PoseNASSearchBackbone`.
        head: Config of the head.
        input_size: (width, height) of the images.
    """
    # counted in the network that will be derived: its operations see all channels
    whole = dict(backbone, relax='softmax', partial_k=1, with_cp=False)
    width, height = input_size
    with torch.device('meta'):
        network = nn.Sequential(MODELS.build(whole), MODELS.build(dict(head)))
        channels = network[0].stem0[0].in_channels
        profile = profile_model(network, torch.empty(1, channels, height, width))
    macs = {module.name: module.operations.macs for module in profile.modules}
    operations = {
        group.key: torch.zeros(len(group.edges), len(group.operations), dtype=torch.float64)
        for group in network[0].space.groups
    }
    inputs: dict[str, Tensor] = {}
    for name, cell in network.named_modules():
        if isinstance(cell, SearchCell):
            for i, edge in enumerate(cell._ops):
                for column in edge.ops:
                    operations[cell.key][i, int(column)] += macs[f'{name}._ops.{i}.ops.{column}']
            for end, choice in (('coarse', 'preprocess0'), ('lateral', 'preprocess1')):
                if isinstance(getattr(cell, choice), InputChoice):
                    costs = [
                        macs[f'{name}.{choice}.sources.{j}']
                        for j in range(len(getattr(cell, choice).sources))
                    ]
                    key = f'{cell.key}_{end}'
                    inputs[key] = inputs.get(key, 0) + torch.tensor(costs, dtype=torch.float64)
    chosen = sum(float(table.sum()) for table in (*operations.values(), *inputs.values()))
    return MacsTable(profile.macs - round(chosen), operations, inputs)
