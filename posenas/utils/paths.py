"""Paths that may be addresses."""

import os

from mmengine.utils import is_abs


def join_path(root: str, path: str) -> str:
    """Return ``path`` as seen from the folder of ``root``, as text.

    Addresses such as ``s3://bucket`` survive, and a path that is absolute stays as it is.
    """
    return path if is_abs(path) else os.path.join(root, path)
