"""Left and right, read from the names of keypoints."""

import re
from collections.abc import Iterator, Sequence

#: Words that name a side.
_SIDES = {
    **dict.fromkeys(('left', 'l', 'lt', 'links', 'linker', 'linke', 'linkes'), 'left'),
    **dict.fromkeys(('gauche', 'izquierda', 'izquierdo', 'sinistra', 'sinistro', '左'), 'left'),
    **dict.fromkeys(('right', 'r', 'rt', 'rechts', 'rechter', 'rechte', 'rechtes'), 'right'),
    **dict.fromkeys(('droite', 'droit', 'derecha', 'derecho', 'destra', 'destro', '右'), 'right'),
}
_OPPOSITE = {'left': 'right', 'right': 'left', '': ''}
#: Words of a name: runs of letters that separators, digits or capitals end.
_WORD = re.compile(r'[左右]|\d+|[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z左右]+')
#: Sides written without anything between them and the part: leftknee, lknee, kneeleft, kneel.
_GLUED = (
    re.compile(r'(?P<side>left|right)(?P<part>.+)'),
    re.compile(r'(?P<part>.+)(?P<side>left|right)'),
    re.compile(r'(?P<side>[lr])(?P<part>.+)'),
    re.compile(r'(?P<part>.+)(?P<side>[lr])'),
)
#: Words that tell nothing of the part of the body that a number is put to.
_EMPTY_WORDS = frozenset(
    {
        *('kp', 'kpt', 'kpts', 'keypoint', 'key', 'point', 'pt', 'joint', 'j', 'p', 'k', 'id'),
        *('landmark', 'lm', 'mark', 'node', 'part', 'face', 'facial', 'feature', 'idx', 'no'),
    }
)


def words_of(joint_name: str) -> list[str]:
    """Return the words of a name in lower case: ``L_EarBase1`` is l, ear, base, 1."""
    return [word.lower() for word in _WORD.findall(joint_name)]


def is_numbered(joint_name: str) -> bool:
    """Say whether a name is a mere number, such as ``kpt-7`` or ``face_12``."""
    words = words_of(joint_name)
    return any(word.isdigit() for word in words) and all(
        word.isdigit() or word in _EMPTY_WORDS for word in words
    )


def split_side(joint_name: str) -> tuple[str, str]:
    """Split a joint's name into side and body part.

    Understands ``left_knee``, ``LeftKnee``, ``leftknee``, ``l_knee``, ``LKnee``, ``knee_left``,
    ``knee.l``, ``kneeL``, ``legL2``, ``front_left_paw``, and the words of some other languages.

    Returns:
        'left', 'right' or '', and the part in lower case.
    """
    words = words_of(joint_name)
    for place, word in enumerate(words):
        if word in _SIDES and len(words) > 1:
            return _SIDES[word], '_'.join(words[:place] + words[place + 1 :])
    match = _GLUED[0].fullmatch(joint_name.lower())
    if match:
        return match['side'], match['part'].strip(' _.-')
    return '', joint_name.lower()


def split_sides(joint_names: Sequence[str]) -> list[tuple[str, str]]:
    """Split the names of one skeleton as :func:`split_side` does, and those such as ``lknee``.

    A letter or word at the end of a name is a side only where the skeleton has both: ``lhip`` and
    ``rhip`` are a pair, ``lip`` and ``rib`` are not.
    """
    known = {name.lower() for name in joint_names}
    sides = []
    for name in joint_names:
        side, part = split_side(name)
        if not side:
            pairs = (pair for pair in _glued_sides(part) if pair[2] in known)
            side, part = next(((s, p) for s, p, _ in pairs), (side, part))
        sides.append((side, part))
    return sides


def _glued_sides(name: str) -> Iterator[tuple[str, str, str]]:
    """Yield side, part and the other side's name for each way to read ``name``."""
    for pattern in _GLUED:
        match = pattern.fullmatch(name)
        if match:
            side = 'left' if match['side'].startswith('l') else 'right'
            is_letter = len(match['side']) == 1
            other = _OPPOSITE[side][0] if is_letter else _OPPOSITE[side]
            start, end = match.span('side')
            yield side, match['part'], name[:start] + other + name[end:]


def mirror_indices(joint_names: Sequence[str]) -> tuple[int, ...]:
    """Pair keypoints by their names; one without a partner on the other side keeps its place."""
    sides = split_sides(joint_names)
    places = {pair: i for i, pair in enumerate(sides)}
    return tuple(places.get((_OPPOSITE[side], part), i) for i, (side, part) in enumerate(sides))
