"""Metadata and checksums of exported files, read without the package onnx."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from posenas.utils.errors import DataError

#: Field of a model that holds an entry of its metadata, and those of an entry.
_METADATA, _KEY, _VALUE = 14, 1, 2
#: Kinds of fields: a number of variable length, 8 bytes, bytes with their length, 4 bytes.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_onnx_metadata(path: str | Path) -> dict[str, str]:
    """Read the metadata of an ONNX file; only protobuf's framing is read, no weights.

    Raises:
        DataError: The file cannot be read or is no ONNX file.
    """
    try:
        content = memoryview(Path(path).read_bytes())
        entries = [dict(_scan(value)) for number, value in _scan(content) if number == _METADATA]
        return {bytes(e[_KEY]).decode(): bytes(e.get(_VALUE, b'')).decode() for e in entries}
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise DataError(f'{path} must be a readable ONNX file, got: {error}') from error


def hash_network(path: Path) -> str:
    """Return the SHA-256 of what an engine computes with.

    Args:
        path: .onnx, whose metadata do not count; of an .xml the .bin beside it counts.

    Raises:
        DataError: The file cannot be read or is no ONNX file.
    """
    try:
        if path.suffix.lower() == '.xml':
            return sha256(path.with_suffix('.bin').read_bytes()).hexdigest()
        return hash_onnx(path.read_bytes())
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f'{path} must be a readable network, got: {error}') from error


def hash_onnx(content: bytes) -> str:
    """Return the SHA-256 of a model of ONNX without its metadata."""
    state = sha256()
    for number, value in _scan(memoryview(content)):
        if number != _METADATA:
            state.update(value)
    return state.hexdigest()


def _scan(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and content of each field of a message; numbers of variable length are empty."""
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            length, start = 0, _read_varint(message, position)[1]
        elif kind == _BYTES:
            length, start = _read_varint(message, position)
        elif kind in (_FIXED64, _FIXED32):
            length, start = 8 if kind == _FIXED64 else 4, position
        else:
            raise ValueError(f'field {number} is of kind {kind}')
        position = start + length
        if position > len(message):
            raise ValueError('it is cut short')
        yield number, message[start:position]


def _read_varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return a number of variable length and the position behind it."""
    value = shift = 0
    while shift < 64:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError('a number is longer than 64 bits')
