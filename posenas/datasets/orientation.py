"""Pictures that are not as their annotations say: of another size, or turned by EXIF."""

import io
from typing import NamedTuple

_ORIENTATION, _EXCHANGING = 0x0112, (5, 6, 7, 8)
#: How EXIF turns a picture when it is shown.
_TURNS = {
    2: 'mirrored',
    3: 'turned by 180 degrees',
    4: 'mirrored upside down',
    5: 'mirrored and turned by 90 degrees',
    6: 'turned by 90 degrees',
    7: 'mirrored and turned by 90 degrees',
    8: 'turned by 270 degrees',
}
#: Bytes in which the head of a file must be.
_HEAD = 2**16

Size = tuple[int, int]


class Mismatch(NamedTuple):
    """Why a picture is doubtful.

    Attributes:
        is_sure: Whether its labels are wrong for certain.
        kind: What is wrong, the same words each time.
        text: What it is, and what to do.
    """

    is_sure: bool
    kind: str
    text: str


def read_stored_size(source: str | io.BytesIO) -> tuple[Size, int]:
    """Return width and height as stored and EXIF's orientation, 1 if it turns nothing.

    Raises:
        OSError: It is no image; ValueError and SyntaxError likewise.
    """
    from PIL import Image

    with Image.open(source) as image:
        orientation = image.getexif().get(_ORIENTATION)
        return image.size, orientation if orientation in _TURNS else 1


def shown_size(stored: Size, orientation: int) -> Size:
    """Return width and height as decoders show a picture."""
    return stored[::-1] if orientation in _EXCHANGING else stored


def compare_size(
    content: bytes, size: Size, stated: Size | None, is_turned: bool = True
) -> Mismatch | None:
    """Compare a decoded picture with what its annotations say.

    Args:
        content: The bytes of its file.
        size: Width and height as decoded.
        stated: Those of the annotations; None where they are unknown.
        is_turned: Whether the decoder follows EXIF.

    Returns:
        What is wrong; None where the picture is as it was labelled, or nothing speaks against it.
    """
    is_same = stated == size
    if (is_same or stated is None) and not (is_turned and _may_be_turned(content)):
        return None
    stored, orientation = _read_safely(content, size)
    turn = _TURNS.get(orientation, '')
    if stated is not None and not is_same:
        return _explain(size, stated, stored, turn)
    if not turn or (is_same and stored != size):  # labelled as shown
        return None
    text = (
        f'EXIF (orientation {orientation}) has it {turn}, so labels must be of the picture as '
        "shown; if they are of the pixels as stored, set color_type='color_ignore_orientation' of "
        'LoadImage, or remove the orientation from the file'
    )
    return Mismatch(False, 'turned by EXIF', text)


def _explain(size: Size, stated: Size, stored: Size, turn: str) -> Mismatch:
    says = f'the annotations say {stated[0]} x {stated[1]}'
    if turn and stored == stated != size:
        text = (
            f'it is {size[0]} x {size[1]} as EXIF has it {turn}, {says}: its labels are of the '
            "pixels as stored; set color_type='color_ignore_orientation' of LoadImage, or remove "
            'the orientation from the file (exiftool -Orientation= FILE)'
        )
        return Mismatch(True, 'turned by EXIF', text)
    text = f'it is {size[0]} x {size[1]}, {says}: take the picture that was labelled'
    return Mismatch(True, 'image of another size', text)


def _may_be_turned(content: bytes) -> bool:
    head = content[:_HEAD]
    return b'Exif' in head or b'eXIf' in head


def _read_safely(content: bytes, size: Size) -> tuple[Size, int]:
    try:
        return read_stored_size(io.BytesIO(content))
    except (OSError, ValueError, SyntaxError):
        return size, 1  # of a format that only the decoder knows
