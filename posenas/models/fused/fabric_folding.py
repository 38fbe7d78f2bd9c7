"""Neural fabrics as chains of layers with everything fixed folded in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from posenas.genotype.fabrics.plan import SLOTS, CellPlan
from posenas.models.fused.linear_chains import (
    Affine,
    Chain,
    add_chains,
    compose,
    describe_chain,
    fold_chain,
)
from posenas.models.layers.fabrics.cell import CoarseAdaptor, FabricCell, FineAdaptor
from posenas.models.layers.fabrics.fabric import CellFabric
from posenas.models.layers.fabrics.operators import LayerChain
from posenas.models.layers.mixed_op import MixedOp


@dataclass
class FoldedCell:
    """One cell as chains of layers with all weights folded in.

    Attributes:
        name: 'j_i'.
        scale: Scale i.
        terms: What is read, by its scale -> the chain from there to the input of the cell.
        edges: For each edge the chains that are added up.
        keep: The 1x1 convolution that joins the hidden states.
    """

    name: str
    scale: int
    terms: dict[int, Chain]
    edges: list[list[Chain]]
    keep: nn.Conv2d

    @property
    def description(self) -> tuple:
        """What must be equal for cells to run side by side."""
        terms = tuple((source, describe_chain(chain)) for source, chain in self.terms.items())
        edges = tuple(tuple(map(describe_chain, edge)) for edge in self.edges)
        return self.name, terms, edges, describe_chain([self.keep])


@torch.no_grad()
def fold_fabric(fabric: CellFabric) -> list[list[FoldedCell]]:
    """Fold a fabric in evaluation mode, without what its last layer does not depend on.

    Returns:
        The cells of each layer.
    """
    factors = iter(fabric.factors())
    layers = [[(cell, next(factors)) for cell in layer] for layer in fabric.plan.layers]
    folded: list[list[FoldedCell]] = []
    wanted = {cell.scale for cell in fabric.plan.layers[-1] if cell is not None}
    for layer in reversed(layers):
        kept = [
            _fold_cell(cell, getattr(fabric, f'cell_{cell.name}'), *mix)
            for cell, mix in layer
            if cell is not None and cell.scale in wanted
        ]
        folded.insert(0, kept)
        wanted = {source for cell in kept for source in cell.terms}
    return folded


def absorb_reduce(layer: Sequence[FoldedCell], convs: Mapping[int, nn.Conv2d]) -> None:
    """Let the first layer of a fabric read the levels before their 1x1 convolutions."""
    for cell in layer:
        cell.terms = {
            source: compose(convs[source], chain) if source in convs else chain
            for source, chain in cell.terms.items()
        }


def _fold_cell(
    plan: CellPlan, cell: FabricCell, input_weights: Tensor, edge_weights: Tensor
) -> FoldedCell:
    channels = cell.channel_keep.out_channels
    terms: dict[int, Chain] = {}
    for slot, source in plan.sources.items():
        column = SLOTS.index(slot)
        if input_weights[column] > 0:
            adaptor = cell.propress_list[str(column)]
            chain = fold_chain(_list_layers(adaptor), input_weights[column], channels)
            terms[source] = add_chains(terms[source], chain) if source in terms else chain
    edges = [
        _fold_edge(edge, weights, channels)
        for edge, weights in zip(cell.cell_arch, edge_weights, strict=False)  # not dead edges
    ]
    keep = fold_chain([cell.channel_keep], input_weights.new_ones(()), channels)
    return FoldedCell(plan.name, plan.scale, terms, edges, keep[0])


def _fold_edge(edge: MixedOp, weights: Tensor, channels: int) -> list[Chain]:
    """Fold the operators of an edge that count, those without a convolution last."""
    chains = [
        fold_chain(_list_layers(op), weights[int(column)], channels)
        for column, op in edge.ops.items()
        if weights[int(column)] > 0
    ]
    return sorted(chains, key=lambda chain: isinstance(chain[0], Affine))


def _list_layers(module: nn.Module) -> list[nn.Module]:
    """List the layers that ``module`` runs one after the other; itself if that is not known."""
    forward = type(module).forward
    if forward is CoarseAdaptor.forward:
        return [module.conv_1x1, module.bn, module.enlarge]
    if forward in (FineAdaptor.forward, LayerChain.forward):
        return list(module.operation)
    if forward is nn.Sequential.forward:
        return list(module)
    return [module]
