"""A look through the bytes of a MATLAB file: SciPy's reader crashes over some that are damaged.

Source: MathWorks, MAT-File Format, chapter 1 (level 5).
"""

import struct
import zlib
from math import prod

#: Type of data -> bytes of one number; text counts as numbers.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _OBJECT, _CHARS, _SPARSE = range(1, 6)
_NUMBERS = range(6, 16)
_HEADER = 128
_MAX_DEPTH = 20


def check_mat(content: bytes) -> None:
    """Require a MATLAB file, if it is of level 5, to say of every part how long it really is.

    Args:
        content: The whole file.

    Raises:
        ValueError: A part lies about its size or kind, or is none that holds data.
    """
    order, version = ('<', 1) if content[126:127] == b'I' else ('>', 0)
    if 0 in content[:4] or content[124 + version : 125 + version] != b'\x01':
        return  # level 4, or 7.3, which is refused elsewhere
    _Part(memoryview(content)[_HEADER:], order, 0).check_all()


class _Part:
    """Bytes that hold elements one after the other."""

    def __init__(self, data: memoryview, order: str, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ValueError('its structures lie too deep in each other')
        self.data, self.order, self.depth, self.place = data, order, depth, 0

    def check_all(self) -> None:
        """Check every variable."""
        while self.place < len(self.data):
            kind, data = self._read()
            if kind == _COMPRESSED:
                data = memoryview(zlib.decompress(data))
                _Part(data, self.order, self.depth + 1).check_all()
            elif kind == _MATRIX:
                _Part(data, self.order, self.depth + 1)._check_matrix()
            else:
                raise ValueError(f'a variable is of the unknown kind {kind}')

    def _read(self) -> tuple[int, memoryview]:
        """Read one element: its kind and its bytes."""
        if len(self.data) - self.place < 8:
            raise ValueError('it is cut short')
        (first, second) = struct.unpack_from(f'{self.order}II', self.data, self.place)
        if first >> 16:  # four bytes at most lie inside the tag
            kind, size, begin, step = first & 0xFFFF, first >> 16, self.place + 4, 8
            if size > 4:
                raise ValueError(f'a short element has {size} bytes')
        else:
            kind, size, begin = first, second, self.place + 8
            step = 8 + (size if kind == _COMPRESSED else -(-size // 8) * 8)
        if begin + size > len(self.data):
            raise ValueError('it is cut short')
        self.place += step
        return kind, self.data[begin : begin + size]

    def _read_numbers(self, kinds: tuple[int, ...] = tuple(_SIZES)) -> tuple[int, memoryview]:
        """Read an element of numbers; returns how many there are."""
        kind, data = self._read()
        if kind not in kinds or len(data) % _SIZES[kind]:
            raise ValueError(f'{len(data)} bytes are no numbers of the kind {kind}')
        return len(data) // _SIZES[kind], data

    def _check_matrix(self) -> None:
        if not self.data:  # an empty matrix
            return
        count, flags = self._read_numbers((6,))
        if count != 2:
            raise ValueError('the flags of a matrix are damaged')
        (flag,) = struct.unpack_from(f'{self.order}I', flags)
        number, sizes = self._read_numbers((5,))
        shape = struct.unpack(f'{self.order}{number}i', sizes)
        if not 2 <= number <= 32 or min(shape) < 0:
            raise ValueError(f'a matrix has the shape {shape}')
        self._read_numbers()  # its name
        self._check_content(flag & 0xFF, bool(flag & 0x800), prod(shape))

    def _check_content(self, kind: int, is_complex: bool, size: int) -> None:
        if kind == _CHARS:  # one in UTF-8 may take several bytes
            self._read_numbers()
        elif kind in _NUMBERS:
            for _ in range(1 + is_complex):
                found, _data = self._read_numbers()
                if found != size:
                    raise ValueError(f'a matrix of {size} entries holds {found}')
        elif kind in (_CELL, _STRUCT, _OBJECT):
            if kind == _OBJECT:
                self._read_numbers()  # the name of its class
            for _ in range(size * (1 if kind == _CELL else self._count_fields())):
                inner, data = self._read()
                if inner != _MATRIX:
                    raise ValueError(f'an entry is of the unknown kind {inner}')
                _Part(data, self.order, self.depth + 1)._check_matrix()
        else:
            raise ValueError(f'a matrix is of the kind {kind}, which is not read')

    def _count_fields(self) -> int:
        count, data = self._read_numbers((5,))
        (length,) = struct.unpack_from(f'{self.order}i', data) if count else (0,)
        _, names = self._read_numbers((1,))
        if length < 1 or len(names) % length:
            raise ValueError(f'names of {length} letters do not fit into {len(names)}')
        return len(names) // length
