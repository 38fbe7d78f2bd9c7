"""Neural fabrics for inference: equal ones run side by side as grouped convolutions."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from posenas.models.backbones import CNFBackbone
from posenas.models.estimators import TopdownPoseEstimator
from posenas.models.fused.fabric_folding import FoldedCell, absorb_reduce, fold_fabric
from posenas.models.fused.linear_chains import (
    Affine,
    Chain,
    describe_chain,
    stack_grouped,
    stack_on_shared_input,
)
from posenas.models.heads import CNFHead
from posenas.models.heads.cnf_head import PartFabric, PartFabrics
from posenas.models.layers.cells import dense_sources, run_cell
from posenas.models.layers.fabrics.cell import FabricCell
from posenas.models.layers.fabrics.fabric import CellFabric
from posenas.models.layers.input_size import check_input_multiple
from posenas.models.layers.mixed_op import MixedOp
from posenas.models.necks import PartReduceNeck

#: Channels of the finest scale up to which equal fabrics are grouped. On one thread of a CPU, 3 to
#: 5 fabrics in groups took 0.4 to 0.95 of the time of separate ones with 8 to 32 channels, but up
#: to 1.3 times as long with 64: grouped convolutions of wide maps are slow there.
_WIDEST_GROUPED = 32


def fuse_backbone(backbone: CNFBackbone) -> 'FusedBackbone | None':
    """Return the fused form of a fabric that serves as backbone; None where cells have none."""
    return FusedBackbone(backbone) if _is_known(backbone) else None


def fuse_parts(parts: PartFabrics) -> 'FusedParts | None':
    """Return the fused form of all parts, whose levels come as the parts need them."""
    return FusedParts(parts) if _are_known(parts) else None


def fuse_neck_and_head(model: TopdownPoseEstimator) -> dict[str, nn.Module]:
    """Return the fused forms of the parts of a head and of the neck in front, by name.

    The parts absorb the convolutions of the neck, which lets the levels pass.
    """
    neck, head = model.neck, model.head
    if type(neck) is not PartReduceNeck or type(head) is not CNFHead:
        return {}
    if not all(neck.reduce) or not _are_known(head.parts):
        return {}
    reduce = [{int(i): conv for i, conv in convs.items()} for convs in neck.reduce]
    return {'neck': nn.Identity(), 'head.parts': FusedParts(head.parts, reduce)}


def _are_known(parts: PartFabrics) -> bool:
    fabrics = parts.values()
    return all(type(fabric) is PartFabric and _is_known(fabric) for fabric in fabrics)


def _is_known(fabric: CellFabric) -> bool:
    """Tell whether cells and edges are the published ones; any operation can be on an edge."""
    cells = [getattr(fabric, f'cell_{cell.name}') for cell in fabric.plan.cells]
    return all(
        type(cell) is FabricCell and all(type(edge) is MixedOp for edge in cell.cell_arch)
        for cell in cells
    )


class FusedBackbone(nn.Module):
    """A :class:`CNFBackbone` for inference."""

    def __init__(self, backbone: CNFBackbone) -> None:
        super().__init__()
        self.stem = copy.deepcopy(backbone.stem).requires_grad_(False)
        self.fabrics = FusedFabrics([fold_fabric(backbone)])
        self.stride, self.num_outputs = backbone.plan.stride, len(backbone.plan.layers[-1])

    def forward(self, x: Tensor) -> tuple[Tensor | None, ...]:
        """Compute what :meth:`CNFBackbone.forward` does."""
        check_input_multiple(x, self.stride, 'a fabric that reaches this stride')
        (maps,) = self.fabrics((self.stem(x),))
        return tuple(maps.get(scale) for scale in range(self.num_outputs))


class FusedParts(nn.Module):
    """All parts of a head for inference; see :class:`FusedFabrics`.

    Args:
        parts: Fabrics by name, in evaluation mode.
        reduce: For each part its 1x1 convolutions of the levels, which are absorbed.
    """

    def __init__(
        self, parts: PartFabrics, reduce: Sequence[Mapping[int, nn.Conv2d]] | None = None
    ) -> None:
        super().__init__()
        self.fabrics = FusedFabrics([fold_fabric(part) for part in parts.values()], reduce)
        self.representation = next(iter(parts.values())).representation
        self.last_layers = nn.ModuleList(
            nn.ModuleDict(copy.deepcopy(part.last_layers)) for part in parts.values()
        ).requires_grad_(False)

    def forward(self, feats: Sequence[Sequence[Tensor | None]] | Sequence[Tensor | None]) -> Tensor:
        """Compute what :meth:`PartFabrics.forward` does."""
        maps = [
            self.representation(last[0], layers)
            for last, layers in zip(self.fabrics(feats), self.last_layers, strict=True)
        ]
        return torch.cat(maps, dim=1)


class FusedFabrics(nn.Module):
    """Fabrics that read the same or equal maps.

    Args:
        fabrics: Folded layers of each fabric.
        reduce: For each fabric the 1x1 convolution of every level; these are absorbed, and all
            fabrics read the levels before them. None where levels come as the fabrics need them.
    """

    def __init__(
        self,
        fabrics: Sequence[Sequence[Sequence[FoldedCell]]],
        reduce: Sequence[Mapping[int, nn.Conv2d]] | None = None,
    ) -> None:
        super().__init__()
        self.members = _group_equal(fabrics)
        grouped = [[fabrics[i] for i in members] for members in self.members]
        if reduce is None:
            self.first = nn.ModuleList(OwnTerms([fabric[0] for fabric in g]) for g in grouped)
        else:
            for fabric, convs in zip(fabrics, reduce, strict=True):
                absorb_reduce(fabric[0], convs)
            self.first = SharedTerms([[fabric[0] for fabric in group] for group in grouped])
        self.stacks = nn.ModuleList(FabricStack(group) for group in grouped)

    def forward(
        self, feats: Sequence[Sequence[Tensor | None]] | Sequence[Tensor]
    ) -> list[dict[int, Tensor]]:
        """Run all fabrics.

        Args:
            feats: Levels of each fabric, or those that all of them read.

        Returns:
            For each fabric its last layer: scale -> map (B, C, H, W).
        """
        if isinstance(self.first, SharedTerms):
            terms = self.first(feats)
        else:
            shared = feats[0] is None or isinstance(feats[0], Tensor)
            per_fabric = [feats] * sum(map(len, self.members)) if shared else feats
            terms = [
                first([per_fabric[i] for i in members])
                for first, members in zip(self.first, self.members, strict=True)
            ]
        results: dict[int, dict[int, Tensor]] = {}
        for members, stack, given in zip(self.members, self.stacks, terms, strict=True):
            maps = {scale: x.chunk(len(members), dim=1) for scale, x in stack(given).items()}
            for place, member in enumerate(members):
                results[member] = {scale: chunks[place] for scale, chunks in maps.items()}
        return [results[i] for i in range(len(results))]


class OwnTerms(nn.Module):
    """What the first layer of equal fabrics adds up, each fabric with levels of its own.

    Args:
        layers: First layer of each fabric.
    """

    def __init__(self, layers: Sequence[Sequence[FoldedCell]]) -> None:
        super().__init__()
        self.cells = nn.ModuleList(Terms(same) for same in zip(*layers, strict=True))

    def forward(self, feats: Sequence[Sequence[Tensor | None]]) -> list[Tensor]:
        """Return the sum for each cell, (B, S * C, H, W), from the levels of each fabric."""
        read = {source for cell in self.cells for source in cell.sources}
        maps = {source: _join([levels[source] for levels in feats]) for source in read}
        return [cell(maps) for cell in self.cells]


class SharedTerms(nn.Module):
    """What the first layers of all fabrics add up, computed from the same levels.

    Args:
        stacks: First layer of each fabric of each stack.
    """

    def __init__(self, stacks: Sequence[Sequence[Sequence[FoldedCell]]]) -> None:
        super().__init__()
        self.num_cells = [len(stack[0]) for stack in stacks]
        places: dict[tuple, list[tuple[int, int, list[Chain]]]] = {}
        for number, stack in enumerate(stacks):
            for i, same in enumerate(zip(*stack, strict=True)):
                for source in same[0].terms:
                    chains = [cell.terms[source] for cell in same]
                    key = (same[0].name, source, describe_chain(chains[0]))
                    places.setdefault(key, []).append((number, i, chains))
        self.sources = [source for _, source, _ in places]
        self.targets = [[place[:2] for place in group] for group in places.values()]
        self.sizes = [[len(place[2]) for place in group] for group in places.values()]
        self.chains = nn.ModuleList(
            nn.Sequential(*stack_on_shared_input([c for place in group for c in place[2]]))
            for group in places.values()
        )

    def forward(self, levels: Sequence[Tensor]) -> list[list[Tensor]]:
        """Return for each stack the sum for each cell, (B, S * C, H, W)."""
        sums: list[list[Tensor | None]] = [[None] * count for count in self.num_cells]
        for source, targets, sizes, chain in zip(
            self.sources, self.targets, self.sizes, self.chains, strict=True
        ):
            x = chain(levels[source])
            width = x.shape[1] // sum(sizes)
            pieces = x.split([size * width for size in sizes], dim=1)
            for (stack, cell), piece in zip(targets, pieces, strict=True):
                sums[stack][cell] = _add(sums[stack][cell], piece)
        return sums


class FabricStack(nn.Module):
    """Equal fabrics, their maps side by side along the channels.

    Args:
        fabrics: Folded layers of each fabric.
    """

    def __init__(self, fabrics: Sequence[Sequence[Sequence[FoldedCell]]]) -> None:
        super().__init__()
        layers = [list(zip(*same, strict=True)) for same in zip(*fabrics, strict=True)]
        self.scales = [[cells[0].scale for cells in layer] for layer in layers]
        self.terms = nn.ModuleList(nn.ModuleList(map(Terms, layer)) for layer in layers[1:])
        self.cells = nn.ModuleList(nn.ModuleList(map(StackedCell, layer)) for layer in layers)

    def forward(self, first_terms: Sequence[Tensor]) -> dict[int, Tensor]:
        """Run all layers.

        Args:
            first_terms: What each cell of the first layer adds up, (B, S * C, H, W).

        Returns:
            Scale -> map (B, S * C, H, W) of the last layer.
        """
        maps = self._run_layer(0, first_terms)
        for number, layer_terms in enumerate(self.terms, 1):
            maps = self._run_layer(number, [terms(maps) for terms in layer_terms])
        return maps

    def _run_layer(self, number: int, sums: Sequence[Tensor]) -> dict[int, Tensor]:
        """Run the cells of one layer on the sums of their inputs."""
        cells = zip(self.scales[number], self.cells[number], sums, strict=True)
        return {scale: cell(x) for scale, cell, x in cells}


class Terms(nn.Module):
    """Sum of what equal cells of several fabrics read.

    Args:
        cells: The cells.
    """

    def __init__(self, cells: Sequence[FoldedCell]) -> None:
        super().__init__()
        chains = {s: stack_grouped([cell.terms[s] for cell in cells]) for s in cells[0].terms}
        in_order = sorted(chains.items(), key=lambda item: _is_affine(item[1]))
        self.sources = [source for source, _ in in_order]
        self.chains = nn.ModuleList(nn.Sequential(*chain) for _, chain in in_order)

    def forward(self, maps: Mapping[int, Tensor]) -> Tensor:
        """Add up maps (B, S * C_i, H_i, W_i), which are given by scale, to (B, S * C, H, W)."""
        return _add_up(self.chains, [maps[source] for source in self.sources])


class StackedCell(nn.Module):
    """Equal cells of several fabrics behind the sum of their inputs.

    Args:
        cells: The cells.
    """

    def __init__(self, cells: Sequence[FoldedCell]) -> None:
        super().__init__()
        self.num_fabrics = len(cells)
        self.edges = nn.ModuleList(
            nn.ModuleList(
                nn.Sequential(*stack_grouped(chains)) for chains in zip(*same, strict=True)
            )
            for same in zip(*(cell.edges for cell in cells), strict=True)
        )
        (self.keep,) = stack_grouped([[cell.keep] for cell in cells])
        self.num_hidden = self.keep.in_channels // self.keep.out_channels
        self.sources = dense_sources(1, self.num_hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map the sum of the inputs (B, S * C, H, W) to the output of the same shape."""
        edges = [partial(_mix, edge) for edge in self.edges]
        hidden = run_cell([torch.relu(x)], self.sources, edges)[1:]
        if len(hidden) > 1:  # those of a fabric side by side
            parts = [state.unflatten(1, (self.num_fabrics, -1)) for state in hidden]
            hidden = [torch.cat(parts, dim=2).flatten(1, 2)]
        return self.keep(hidden[0])


def _mix(chains: nn.ModuleList, x: Tensor) -> Tensor:
    """Add up what the operators of an edge make of ``x``; zeros without any."""
    return _add_up(chains, [x] * len(chains)) if len(chains) else torch.zeros_like(x)


def _add_up(chains: Iterable[nn.Sequential], inputs: Iterable[Tensor]) -> Tensor:
    """Add up what chains make of their inputs; pure factors stand last and cost one pass."""
    total = None
    for chain, x in zip(chains, inputs, strict=True):
        if total is not None and _is_affine(chain):
            total = chain[0].added_to(total, x)
        else:
            total = _add(total, chain(x))
    return total


def _add(total: Tensor | None, x: Tensor) -> Tensor:
    return x if total is None else total.add_(x)


def _is_affine(chain: Sequence[nn.Module]) -> bool:
    return len(chain) == 1 and isinstance(chain[0], Affine)


def _join(maps: Sequence[Tensor]) -> Tensor:
    return maps[0] if len(maps) == 1 else torch.cat(list(maps), dim=1)


def _group_equal(fabrics: Sequence[Sequence[Sequence[FoldedCell]]]) -> list[list[int]]:
    """Group the numbers of fabrics that run side by side: those of equal structure, if narrow."""
    groups: dict[tuple, list[int]] = {}
    for number, fabric in enumerate(fabrics):
        key = tuple(cell.description for layer in fabric for cell in layer)
        wide = fabric[-1][0].keep.out_channels > _WIDEST_GROUPED
        groups.setdefault((key, number) if wide else (key,), []).append(number)
    return list(groups.values())
