"""MATLAB files up to version 7, in which MPII keeps its labels and expects predictions."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from posenas.utils.atomic_io import atomic_write
from posenas.utils.errors import DataError

__all__ = ['read_mat', 'write_mat']


def read_mat(path: str | Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read arrays of numbers by name.

    Args:
        path: File.
        names: Variables that it must hold; others are ignored.

    Returns:
        The arrays; a scalar has shape (1, 1), as in MATLAB.

    Raises:
        DataError: The file cannot be read, a variable is missing or holds no finite numbers.
    """
    from scipy import io as scipy_io  # 0.2 s that only readers of such files spend

    try:
        content = scipy_io.loadmat(str(path), variable_names=list(names), appendmat=False)
    # The reader of malformed files fails in every way that bytes can be misunderstood.
    except Exception as error:
        raise DataError(
            f'{path} must be a readable MATLAB file up to version 7, got: {error}'
        ) from error
    for name in names:
        if name not in content:
            raise DataError(f'{path} must hold the variable {name}, it has none of that name')
        array = content[name]
        if array.dtype.kind not in 'biuf' or not np.isfinite(array).all():
            raise DataError(
                f'{path}: {name} must be an array of finite numbers, got {array.dtype} of shape '
                f'{array.shape}'
            )
    return {name: content[name] for name in names}


def write_mat(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write ``arrays`` under their names, atomically."""
    from scipy import io as scipy_io

    buffer = io.BytesIO()
    scipy_io.savemat(buffer, dict(arrays))
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
