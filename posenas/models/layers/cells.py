"""What every searched cell is: a graph whose nodes sum what their edges bring."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

#: One edge of a cell: an operation, or a weighted sum of several.
Edge = Callable[[Tensor], Tensor]


def run_cell(
    inputs: Sequence[Tensor], sources: Sequence[Sequence[int]], edges: Sequence[Edge]
) -> list[Tensor]:
    """Compute all states of a cell.

    Args:
        inputs: Input states 0 to I - 1, each (B, C, H, W).
        sources: For each node, in order, the state that each of its edges reads; node i is state
            I + i and may read any state before it.
        edges: What the edges do, numbered through all nodes.

    Returns:
        The inputs and, behind them, one state per node: the sum over its edges.
    """
    states = list(inputs)
    remaining = iter(edges)
    for node_sources in sources:
        terms = [next(remaining)(states[source]) for source in node_sources]
        states.append(sum(terms[1:], start=terms[0]))
    return states


def merge_states(states: Sequence[Tensor], output: Sequence[int], merge: str) -> Tensor:
    """Make the output of a cell.

    Args:
        states: All states, each (B, C, H, W).
        output: Those that are merged, N of them.
        merge: 'concat' or 'sum'.

    Returns:
        (B, N * C, H, W) for 'concat', (B, C, H, W) for 'sum'.
    """
    merged = [states[i] for i in output]
    return torch.cat(merged, dim=1) if merge == 'concat' else sum(merged[1:], start=merged[0])


def dense_sources(num_inputs: int, num_nodes: int) -> list[list[int]]:
    """Let every node read all states before it: ``[[0], [0, 1], ...]`` for one input."""
    return [list(range(num_inputs + i)) for i in range(num_nodes)]
