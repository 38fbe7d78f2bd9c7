"""From architecture parameters to what the cells of a group mix: the relaxations.

Everything is a pure function of tensors. Rows are the edges of a cell, node by node; columns are
its candidate operations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

#: 'softmax' runs all candidates, 'gumbel' one per edge.
RELAXATIONS = ('softmax', 'gumbel')


@dataclass(frozen=True)
class Mix:
    """What all cells of one group do.

    Attributes:
        columns: For each edge the operations that run; an edge without any is left out.
        operations: Weight of each operation, (E, O); None weighs each 1.
        edges: Factor of each edge, (E,); None is 1.
        inputs: For each of both inputs the weights of the maps that it may read, or None, and
            those that are read; empty where there is one map for each.
        skip: Weight of its own input that every edge adds.
    """

    columns: tuple[tuple[int, ...], ...]
    operations: Tensor | None = None
    edges: Tensor | None = None
    inputs: tuple[tuple[Tensor | None, tuple[int, ...]], ...] = ()
    skip: float = 0.0


def restrict(mix: Mix, kept: Tensor) -> Mix:
    """Take operations away without making up for them.

    Args:
        mix: What runs, with weights of operations.
        kept: Whether an operation stays, (E, O). Where one is left, it has all the weight of its
            edge; where none is, the edge is left out.
    """
    columns = tuple(
        tuple(column for column in edge if kept[i, column]) for i, edge in enumerate(mix.columns)
    )
    is_decided = kept.sum(-1, keepdim=True) == 1
    operations = torch.where(is_decided, kept.to(mix.operations), mix.operations)
    return replace(mix, columns=columns, operations=operations)


def softmax_weights(logits: Tensor, legal: Tensor, temperature: float = 1.0) -> Tensor:
    """Weigh all operations of every edge.

    Args:
        logits: (E, O).
        legal: Whether an edge may do an operation, (E, O).
        temperature: Divides the logits.

    Returns:
        Rows that sum to 1, (E, O), with zeros where an operation is not legal.
    """
    return (logits.masked_fill(~legal, -torch.inf) / temperature).softmax(-1)


def gumbel_weights(
    logits: Tensor, legal: Tensor, temperature: float = 1.0, noise: Tensor | None = None
) -> tuple[Tensor, tuple[int, ...]]:
    """Keep one operation of every edge: that of the largest log-probability plus noise.

    Its factor is 1 with the gradient of its softened probability q, 1 + q - stopgrad(q). Jang et
    al., Categorical Reparameterization with Gumbel-Softmax, ICLR 2017; Dong and Yang, Searching for
    a Robust Neural Architecture in Four GPU Hours, CVPR 2019.

    Args:
        logits: (E, O).
        legal: Whether an edge may do an operation, (E, O).
        temperature: Softens q alone.
        noise: Gumbel noise (E, O); None is none.

    Returns:
        Weights (E, O), 0 apart from one per row, and the columns of those.
    """
    scores = logits.masked_fill(~legal, -torch.inf).log_softmax(-1)
    scores = scores if noise is None else scores + noise
    chosen = scores.argmax(-1, keepdim=True)
    soft = (scores / temperature).softmax(-1)
    kept = torch.zeros_like(soft).scatter(-1, chosen, 1.0)
    weights = kept * (1 + soft - soft.detach())
    if logits.is_meta:  # nothing can be drawn: as if the last one were chosen on each edge
        return weights, (logits.shape[-1] - 1,) * len(logits)
    return weights, tuple(chosen.flatten().tolist())


def draw_gumbel(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Draw standard Gumbel noise on the CPU, in the order of the generator."""
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
    tiny = torch.finfo(torch.float64).tiny
    return -(-(uniform.clamp(min=tiny)).log()).clamp(min=tiny).log().float()


def node_softmax(logits: Tensor, nodes: Sequence[int], allowed: Tensor | None = None) -> Tensor:
    """Share 1 among the edges of each node.

    Args:
        logits: One per edge, (E,).
        nodes: Number of edges of each node, in order.
        allowed: Whether an edge takes part, (E,); None is all.
    """
    masked = logits if allowed is None else logits.masked_fill(~allowed, -torch.inf)
    return torch.cat([part.softmax(-1) for part in masked.split(list(nodes))])
