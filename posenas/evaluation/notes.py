"""What scores need to be said about them, so that nobody takes them for something else."""

from collections.abc import Mapping

#: Gap between PCK and AP from which a reader wonders which of the two is wrong.
_WIDE_GAP = 0.3


def explain_scores(scores: Mapping[str, object]) -> list[str]:
    """Explain scores of -1, and an AP far below a PCK, in one sentence each.

    Args:
        scores: Key -> value; what is no number is passed over. Values above 1 are percentages.
    """
    numbers = {key: float(v) for key, v in scores.items() if isinstance(v, int | float)}
    notes = []
    empty = [key for key, value in numbers.items() if value == -1]
    if empty:
        notes.append(
            f'-1 is no score but says that there was nothing to score: no annotated person is of '
            f'the kind of {", ".join(empty)} (M: areas of 32^2 to 96^2 pixels, L: larger ones)'
        )
    shares = {key: value / 100 if value > 1 else value for key, value in numbers.items()}
    ap = next((key for key in shares if key.rpartition('/')[2] == 'AP'), None)
    pck = next((key for key in shares if key.rpartition('/')[2].startswith('PCK')), None)
    if ap and pck and shares[ap] != -1 and shares[pck] - shares[ap] > _WIDE_GAP:
        notes.append(
            f'{ap} {numbers[ap]:.3g} and {pck} {numbers[pck]:.3g} are both right: PCK counts '
            'single keypoints within a share of the box, AP people whose keypoints are all near, '
            'by sigmas and area; posenas eval coco --errors shows what keeps AP low'
        )
    return notes
