"""What networks of the PoseNAS space cost, known from tables of all candidates."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.genotype import Genotype
from posenas.registry import MODELS, TASK_UTILS
from posenas.search.archive import digest
from posenas.search.costs import CostContext, Counts
from posenas.search.posenas.backbone import PoseNASSearchBackbone
from posenas.search.posenas.cells import InputChoice, SearchCell
from posenas.search.posenas.space import PoseNASSpace
from posenas.search.space import Arch
from posenas.utils import ConfigError
from posenas.utils.profiling import count_parameters, profile_model


@dataclass(frozen=True)
class CostTable:
    """One figure, such as multiply-accumulates, of the parts of a supernet.

    All cells of a group are added up.

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

    def count(self, space: PoseNASSpace, arch: Arch) -> int:
        """Return the cost of the network of ``arch``, a point of ``space``."""
        total = float(self.fixed)
        for group in space.groups:
            costs = self.operations[group.key]
            for _, node, source, operation in group.kept_edges(arch):
                row = group.edges.index((node, source))
                total += float(costs[row, group.operations.index(operation)])
        for name, costs in self.inputs.items():
            key, end = name.split('_')
            levels = space.source_levels(int(key.removeprefix('fuse')))[end == 'lateral']
            total += float(costs[levels.index(arch[f'decoder.{key}.{end}'])])
        return round(total)


@TASK_UTILS.register_module()
class PoseNASCounter:
    """Counts parameters and multiply-accumulates by adding up those of the cells' operations.

    As exact as a :class:`posenas.search.NetworkCounter`, and a thousand times faster.

    Args:
        model: Config of a :class:`PoseNASSupernet`; backbone and head count.
    """

    def __init__(self, model: Mapping) -> None:
        self._parts = dict(model['backbone']), dict(model['head'])
        with torch.device('meta'):
            self._space: PoseNASSpace = MODELS.build(dict(self._parts[0])).space
        self._tables: dict[tuple[int, ...], dict[str, CostTable]] = {}

    def fingerprint(self) -> str:
        """Return a hash of the configs."""
        return f'PoseNASCounter {digest(json.dumps(self._parts, sort_keys=True))}'

    def __call__(self, genotype: Genotype, context: CostContext) -> Counts:
        """Count the network of ``genotype``.

        Raises:
            ConfigError: It lies outside the space, has other sizes or other keypoints.
        """
        sizes = (genotype.macro.items(), self._space.macro.items())
        own, ours = ({k: v for k, v in items if k != 'sources'} for items in sizes)
        if json.dumps(own, sort_keys=True) != json.dumps(ours, sort_keys=True):
            raise ConfigError(f'a genotype must have the sizes {ours} to be counted, got {own}')
        joints = self._parts[1].get('out_channels', context.num_keypoints)
        if joints != context.num_keypoints:
            raise ConfigError(
                f'num_keypoints must equal the keypoints of the counted head, {joints}, got '
                f'{context.num_keypoints}'
            )
        tables = self._find_tables(context.input_size)
        arch = self._space.from_genotype(genotype)
        return Counts(**{name: table.count(self._space, arch) for name, table in tables.items()})

    def _find_tables(self, input_size: tuple[int, int]) -> dict[str, CostTable]:
        if input_size not in self._tables:
            self._tables[input_size] = make_cost_tables(*self._parts, input_size)
        return self._tables[input_size]


def make_cost_tables(
    backbone: Mapping, head: Mapping, input_size: Sequence[int]
) -> dict[str, CostTable]:
    """Count what every candidate costs by running all of them, without numbers.

    Args:
        backbone: Config of a :class:`PoseNASSearchBackbone`.
        head: Config of the head.
        input_size: (width, height) of the images.

    Returns:
        'macs' and 'params' of the networks that will be derived, whose operations see all channels
        and whose batch norms scale and shift.
    """
    whole = dict(backbone, relax='softmax', partial_k=1, with_cp=False)
    width, height = input_size
    with torch.device('meta'):
        network = nn.Sequential(MODELS.build(whole), MODELS.build(dict(head)))
        channels = network[0].stem0[0].in_channels
        profile = profile_model(network, torch.empty(1, channels, height, width))
    macs = {module.name: module.operations.macs for module in profile.modules}
    params = {name: _count_derived(module) for name, module in network.named_modules()}
    params[''] -= count_parameters(network[0].arch)
    return {
        'params': _make_table(network, params.__getitem__),
        'macs': _make_table(network, macs.__getitem__),
    }


def _make_table(network: nn.Sequential, cost_of: Callable[[str], int]) -> CostTable:
    """Add up the cost of the candidates, given that of each module by name."""
    operations = {
        group.key: torch.zeros(len(group.edges), len(group.operations), dtype=torch.float64)
        for group in network[0].space.groups
    }
    inputs: dict[str, Tensor] = {}
    cells = [(name, m) for name, m in network.named_modules() if isinstance(m, SearchCell)]
    for name, cell in cells:
        for i, edge in enumerate(cell._ops):
            for column in edge.ops:
                operations[cell.key][i, int(column)] += cost_of(f'{name}._ops.{i}.ops.{column}')
        for end, choice in (('coarse', 'preprocess0'), ('lateral', 'preprocess1')):
            maps = getattr(cell, choice)
            if isinstance(maps, InputChoice):
                costs = [cost_of(f'{name}.{choice}.sources.{j}') for j in range(len(maps.sources))]
                key = f'{cell.key}_{end}'
                inputs[key] = inputs.get(key, 0) + torch.tensor(costs, dtype=torch.float64)
    chosen = sum(float(table.sum()) for table in (*operations.values(), *inputs.values()))
    return CostTable(cost_of('') - round(chosen), operations, inputs)


def _count_derived(module: nn.Module) -> int:
    """Count parameters as if all batch norms had scales and shifts."""
    plain = [m for m in module.modules() if isinstance(m, _BatchNorm) and not m.affine]
    return count_parameters(module) + sum(2 * norm.num_features for norm in plain)
