"""Selection by what a supernet loses when an operation is taken out of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from posenas.search.posenas.discretize import derive_cells
from posenas.search.posenas.space import CellGroup, PoseNASSpace
from posenas.search.space import Arch

_EDGES_PER_NODE = 2


class Restrictable(Protocol):
    """A relaxation from which operations can be taken."""

    def restrict(self, kept: Mapping[str, Tensor]) -> None:
        """Run only what is kept: group -> whether an operation stays, (E, O)."""


def select_by_perturbation(
    space: PoseNASSpace,
    backbone: Restrictable,
    measure: Callable[[], float],
    tune: Callable[[], None],
    rng: np.random.Generator,
    inputs: Mapping[str, Tensor] | None = None,
) -> Arch:
    """Decide edge by edge, then node by node, by the loss without each choice.

    Wang et al., Rethinking Architecture Selection in Differentiable NAS, ICLR 2021. On each edge,
    in random order, the operation stays whose removal raises the loss most; then each node keeps
    the two edges that are missed most. The relaxation is whole again at the end.

    Args:
        space: Where the architecture lies.
        backbone: The relaxation.
        measure: Validation loss of what is left.
        tune: Lets the weights recover after each decision.
        rng: Draws the order.
        inputs: Strengths of the maps that fusion cells may read; see :func:`derive_cells`.
    """
    kept = {
        group.key: torch.ones(len(group.edges), len(group.operations), dtype=torch.bool)
        for group in space.groups
    }

    def missed(key: str, row: int, columns: Sequence[int]) -> float:
        """Return the loss without some operations of an edge."""
        changed = kept[key].clone()
        changed[row, list(columns)] = False
        backbone.restrict({**kept, key: changed})
        return measure()

    def settle() -> None:
        backbone.restrict(kept)
        tune()

    try:
        for group, row in _shuffle(
            [(g, i) for g in space.groups for i in range(len(g.edges))], rng
        ):
            options = _list_options(group, row)
            losses = [missed(group.key, row, [column]) for column in options]
            kept[group.key][row] = False
            kept[group.key][row, options[int(np.argmax(losses))]] = True
            settle()
        strengths = {key: rows.double() for key, rows in kept.items()}
        nodes = sorted({node for node, _ in space.groups[0].edges})
        for group, node in _shuffle([(g, n) for g in space.groups for n in nodes], rng):
            rows = [i for i, edge in enumerate(group.edges) if edge[0] == node]
            losses = [missed(group.key, row, range(len(group.operations))) for row in rows]
            # from the least missed on: 1, 2, 3, ...; equal ones by falling source
            order = sorted(range(len(rows)), key=lambda i: (losses[i], -i))
            for rank, i in enumerate(order, 1):
                strengths[group.key][rows[i]] *= rank
                if rank <= len(rows) - _EDGES_PER_NODE:
                    kept[group.key][rows[i]] = False
            settle()
    finally:
        backbone.restrict({})
    return derive_cells(space, strengths, inputs)


def _shuffle(items: list[tuple[CellGroup, int]], rng: np.random.Generator) -> list:
    return [items[i] for i in rng.permutation(len(items))]


def _list_options(group: CellGroup, row: int) -> list[int]:
    """Return the columns of what an edge may do in the end."""
    source = group.edges[row][1]
    return [
        column
        for column, name in enumerate(group.operations)
        if name != 'none' and group.is_legal(source, name)
    ]
