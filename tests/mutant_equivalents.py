"""Mutants that were looked at and found to change nothing that a user could see.

An entry holds for its line wherever it stands, so it outlives a move of the file; it does not hold
for another text of the line.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Equivalent:
    """One mutant: its line before and after, both without indentation, and why they do the same."""

    before: str
    after: str
    reason: str


EQUIVALENTS: tuple[Equivalent, ...] = (
    Equivalent(
        'edge = np.roll(start, -1, axis=0) - start  # (V, 2)',
        'edge = np.roll(start, 1, axis=0) - start  # (V, 2)',
        'each edge runs to the corner before instead of the next one: the same edges, backwards, '
        'and neither the even-odd rule nor the border knows their direction',
    ),
    Equivalent(
        'if num_parts > 1:',
        'if num_parts >= 1:',
        'one part only adds an axis of length 1, which the flattening removes again',
    ),
    Equivalent(
        'if feature.shape[2:] != wanted.shape[2:]:',
        'if feature.shape[2:] != wanted.shape[3:]:',
        'maps of the right size are interpolated to the same size, which is the identity, bit by '
        'bit, for values and gradients',
    ),
    Equivalent(
        'return -(-(uniform.clamp(min=tiny)).log()).clamp(min=tiny).log().float()',
        'return -(-(uniform.clamp(min=tiny)).log()).log().float()',
        'uniform numbers in double precision are at most 1 - 2^-53, whose logarithm is -1.1e-16: '
        'what is clamped is never below the least positive number',
    ),
    Equivalent(
        'return value.detach().cpu().contiguous().numpy().tobytes()',
        'return value.cpu().contiguous().numpy().tobytes()',
        'the only caller gives entries of a state dict, which PyTorch has detached',
    ),
    Equivalent(
        'if rng.random() >= _WHOLE_FRAMES:',
        'if rng.random() > _WHOLE_FRAMES:',
        'they differ where a number of 53 random bits equals the limit, once in 2^53 crossovers',
    ),
    Equivalent(
        'return np.full(1, np.nan)',
        'return np.full(0, np.nan)',
        'the mean of no distance is NaN, as that of one which does not count',
    ),
)


def find_reason(diff: str) -> str | None:
    """Look a mutant up by the removed and added lines of its diff."""
    lines = [line for line in diff.splitlines() if line[:3] not in {'---', '+++'}]
    before, after = (
        ' '.join(line[1:].strip() for line in lines if line[:1] == sign) for sign in '-+'
    )
    known = {(each.before, each.after): each.reason for each in EQUIVALENTS}
    return known.get((before, after))
