"""From logits to the weights of a mix."""

from torch import Tensor

from posenas.utils import check_choice

NORMALISATIONS = ('softmax', 'sparsemax')


def sparsemax(logits: Tensor) -> Tensor:
    """Project logits (..., N) onto the weights (..., N) >= 0 with sum 1 that are nearest.

    Martins and Astudillo, From Softmax to Sparsemax, ICML 2016. Candidates far below the best one
    get weights of exactly zero, and no gradient any more.
    """
    ordered = logits.sort(dim=-1, descending=True).values
    ranks = ordered.new_ones(ordered.shape[-1]).cumsum(0)
    excess = ordered.cumsum(-1) - 1
    support = (ordered * ranks > excess).sum(-1, keepdim=True)
    threshold = excess.gather(-1, support - 1) / support
    return (logits - threshold).clamp(min=0)


def mixing_weights(logits: Tensor, normalise: str) -> Tensor:
    """Turn logits (..., N) into weights (..., N) with sum 1 along the last axis.

    Args:
        logits: Any numbers.
        normalise: 'softmax', whose weights reach zero only at a gap of about 104, or 'sparsemax'.
    """
    check_choice('normalise', normalise, NORMALISATIONS)
    return logits.softmax(dim=-1) if normalise == 'softmax' else sparsemax(logits)
