"""MATLAB files up to version 7, in which MPII keeps its labels and expects predictions."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posenas.utils.atomic_io import atomic_write
from posenas.utils.errors import DataError
from posenas.utils.mat_check import check_mat


def read_mat(
    path: str | Path, names: Sequence[str], allow_nan: bool = False
) -> dict[str, np.ndarray]:
    """Read arrays of numbers by name.

    Args:
        path: File.
        names: Variables that it must hold; others are ignored.
        allow_nan: Whether numbers may be NaN.

    Returns:
        The arrays; a scalar has shape (1, 1), as in MATLAB.

    Raises:
        DataError: The file cannot be read, a variable is missing or holds other than numbers.
    """
    content = _load(path, names)
    for name in names:
        array = content[name]
        is_numeric = array.dtype.kind in 'biuf'
        if not is_numeric or not (np.isfinite(array) | (allow_nan & np.isnan(array))).all():
            raise DataError(
                f'{path}: {name} must be an array of finite numbers, got {array.dtype} of shape '
                f'{array.shape}'
            )
    return {name: content[name] for name in names}


def read_mat_structure(path: str | Path, name: str) -> object:
    """Read one structure: an object with its fields as attributes, arrays of one element open.

    Raises:
        DataError: The file cannot be read or does not hold the variable.
    """
    return _load(path, [name], struct_as_record=False, squeeze_me=True)[name]


def _load(path: str | Path, names: Sequence[str], **options: bool) -> dict[str, Any]:
    from scipy import io as scipy_io  # 0.2 s that only readers of such files spend

    try:
        data = Path(path).read_bytes()
        check_mat(data)
        content = scipy_io.loadmat(io.BytesIO(data), variable_names=list(names), **options)
    # The reader of malformed files fails in every way that bytes can be misunderstood.
    except Exception as error:
        reason = getattr(error, 'strerror', None) or error
        raise DataError(
            f'{path} must be a readable MATLAB file up to version 7, got: {reason}'
        ) from error
    for name in names:
        if name not in content:
            raise DataError(f'{path} must hold the variable {name}, got none of that name')
    return content


def write_mat(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write ``arrays`` under their names, atomically."""
    from scipy import io as scipy_io

    buffer = io.BytesIO()
    scipy_io.savemat(buffer, dict(arrays))
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
