"""Reading of images."""

import logging
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from mmcv.image import imfrombytes
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmengine.logging import print_log

from posenas.datasets.orientation import compare_size
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

_COLOR_TYPES = (
    *('color', 'grayscale', 'unchanged'),
    *('color_ignore_orientation', 'grayscale_ignore_orientation'),
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

    Reads ``img_path``, and ``stated_size``, width and height that the picture must have, where it
    is there; adds ``img`` (H, W, 3) uint8 in the order blue, green, red, and ``img_shape`` and
    ``ori_shape`` (H, W). Pictures that EXIF may have turned against their labels are warned of,
    once.

    Args:
        to_float32: Whether to convert to float32.
        color_type: 'color'; 'grayscale', which gives three equal channels; 'unchanged', which
            leaves transparency out; both of the former with '_ignore_orientation' behind it.
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
        check_choice('color_type', color_type, _COLOR_TYPES)
        if file_client_args not in (None, {'backend': 'disk'}):
            backend_args = backend_args or file_client_args
        self.to_float32 = to_float32
        self.color_type = color_type
        self.imdecode_backend = imdecode_backend
        self.ignore_empty = ignore_empty
        self._has_warned = False
        self.backend_args = None if backend_args in (None, {'backend': 'local'}) else backend_args

    def transform(self, results: dict) -> dict | None:
        """Apply the transform; the class lists the keys.

        Raises:
            DataError: The file is missing, empty, cut short or no image, or the picture is not as
                it was labelled.
        """
        try:
            image = results['img'] if 'img' in results else self._load(results)
        except DataError:
            if self.ignore_empty:
                return None
            raise
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def _load(self, results: dict) -> np.ndarray:
        path = results['img_path']
        content = read_bytes(path, self.backend_args)
        image = decode_image(path, content, self.color_type, self.imdecode_backend)
        if 'stated_size' in results:
            self._compare(path, content, image, results['stated_size'])
        if image.dtype != np.uint8:
            raise DataError(f'{path}: an image must have 8 bits per channel, got {image.dtype}')
        if image.ndim == 2 or image.shape[2] == 1:  # networks take three channels
            return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        return np.ascontiguousarray(image[..., :3])  # without transparency

    def _compare(
        self, path: str, content: bytes, image: np.ndarray, stated: tuple[int, int] | None
    ) -> None:
        """Refuse a picture that is not the labelled one; warn once if it may not be."""
        is_turned = 'ignore_orientation' not in self.color_type
        found = compare_size(content, image.shape[1::-1], stated, is_turned)
        if found is None:
            return
        if found.is_sure:
            raise DataError(f'{path}: a picture must be as it was labelled: {found.text}')
        if not self._has_warned:
            self._has_warned = True
            print_log(f'{path}: {found.text}', logger='current', level=logging.WARNING)
