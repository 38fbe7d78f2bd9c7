"""Reading of images."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from mmcv.image import imfrombytes
from mmcv.transforms import BaseTransform
from mmengine import fileio

from posenas.registry import TRANSFORMS
from posenas.utils.checks import check_choice
from posenas.utils.errors import DataError
from posenas.utils.images import (
    check_complete,
    check_content,
    check_decoded,
    decode_with_opencv,
    read_local,
)

_BACKENDS = ('cv2', 'turbojpeg', 'pillow', 'tifffile')


def read_bytes(path: str, backend_args: Mapping[str, Any] | None = None) -> bytes:
    """Read the file at ``path``, through mmengine's backends where ``backend_args`` are given.

    Raises:
        DataError: It cannot be read or is empty.
    """
    if backend_args is None and '://' not in path:
        return read_local(path)
    try:
        content = fileio.get(path, backend_args)
    except (OSError, ValueError) as error:
        raise DataError(f'{path}: an image must be readable: {error}') from error
    return check_content(path, content)


def decode_image(
    path: str, content: bytes, color_type: str = 'color', backend: str = 'cv2'
) -> np.ndarray:
    """Decode an image file.

    Args:
        path: Where it came from, for messages.
        content: The file's bytes.
        color_type: 'color' or 'grayscale', or another flag of :func:`mmcv.imfrombytes`.
        backend: Decoder, as :func:`mmcv.imfrombytes` names it.

    Returns:
        Image (H, W, 3) in the order blue, green, red, or (H, W), uint8.

    Raises:
        DataError: The bytes are no image, or one that is cut short.
    """
    if backend == 'cv2' and color_type in ('color', 'grayscale'):
        return decode_with_opencv(path, content, color_type)
    check_complete(path, content)
    try:
        image = imfrombytes(content, flag=color_type, backend=backend)
    except (cv2.error, OSError, ValueError) as error:
        raise DataError(f'{path}: an image must be decodable: {error}') from error
    return check_decoded(path, image)


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read the image at ``img_path``, unless the sample has ``img`` already.

    Reads ``img_path``; adds ``img`` (H, W, 3) uint8 in the order blue, green, red, and
    ``img_shape`` and ``ori_shape`` (H, W).

    Args:
        to_float32: Whether to convert to float32.
        color_type: 'color' or 'grayscale'.
        imdecode_backend: Decoder: 'cv2', 'turbojpeg', 'pillow', 'tifffile'.
        file_client_args: Older name of ``backend_args``.
        ignore_empty: Whether to return None instead of raising.
        backend_args: Backend of mmengine's fileio; None reads local files.
    """

    def __init__(
        self,
        to_float32: bool = False,
        color_type: str = 'color',
        imdecode_backend: str = 'cv2',
        file_client_args: dict | None = None,
        ignore_empty: bool = False,
        backend_args: dict | None = None,
    ) -> None:
        check_choice('imdecode_backend', imdecode_backend, _BACKENDS)
        if file_client_args not in (None, {'backend': 'disk'}):
            backend_args = backend_args or file_client_args
        self.to_float32 = to_float32
        self.color_type = color_type
        self.imdecode_backend = imdecode_backend
        self.ignore_empty = ignore_empty
        self.backend_args = None if backend_args in (None, {'backend': 'local'}) else backend_args

    def transform(self, results: dict) -> dict | None:
        """Apply the transform; the class lists the keys.

        Raises:
            DataError: The file is missing, empty, cut short or no image.
        """
        try:
            image = results['img'] if 'img' in results else self._load(results['img_path'])
        except DataError:
            if self.ignore_empty:
                return None
            raise
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def _load(self, path: str) -> np.ndarray:
        content = read_bytes(path, self.backend_args)
        return decode_image(path, content, self.color_type, self.imdecode_backend)
