"""Reading of image files with OpenCV alone."""

import cv2
import numpy as np
from numpy.typing import NDArray

from posenas.utils.errors import DataError

#: Endings of the names of images, in small letters.
IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
_CV2_FLAGS = {'color': cv2.IMREAD_COLOR, 'grayscale': cv2.IMREAD_GRAYSCALE}
_JPEG_START, _JPEG_SCAN, _JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'


def read_local(path: str) -> bytes:
    """Read a local file.

    Raises:
        DataError: It cannot be read or is empty.
    """
    try:
        with open(path, 'rb') as file:
            return check_content(path, file.read())
    except (OSError, ValueError) as error:
        raise DataError(f'{path}: an image must be readable: {error}') from error


def check_content(path: str, content: bytes) -> bytes:
    """Return the bytes of an image file.

    Raises:
        DataError: There are none.
    """
    if not content:
        raise DataError(f'{path}: an image must have content, got an empty file')
    return content


def check_complete(path: str, content: bytes) -> None:
    """Require that the last scan of a JPEG file has an end marker behind it.

    Inside a scan neither marker can occur, and an embedded preview has both of its own.

    Raises:
        DataError: It has none: the file was cut short.
    """
    is_jpeg = content[:2] == _JPEG_START and content[-2:] != _JPEG_END
    if is_jpeg and content.rfind(_JPEG_END) < content.rfind(_JPEG_SCAN):
        raise DataError(f'{path}: an image must be complete, this JPEG file is cut short')


def decode_with_opencv(path: str, content: bytes, color_type: str = 'color') -> NDArray[np.uint8]:
    """Decode an image file.

    Args:
        path: Where it came from, for messages.
        content: The file's bytes.
        color_type: 'color' or 'grayscale'.

    Returns:
        Image (H, W, 3) in the order blue, green, red, or (H, W).

    Raises:
        DataError: The bytes are no image, or one that is cut short.
    """
    check_complete(path, content)
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), _CV2_FLAGS[color_type])
    except cv2.error as error:
        raise DataError(f'{path}: an image must be decodable: {error}') from error
    return check_decoded(path, image)


def check_decoded(path: str, image: np.ndarray | None) -> np.ndarray:
    """Return what a decoder made of an image file.

    Raises:
        DataError: It made nothing.
    """
    if image is None:
        raise DataError(f'{path}: an image must be decodable, this file is broken or no image')
    return image


def check_image(image: np.ndarray) -> np.ndarray:
    """Return an image as (H, W, 3) uint8; a gray one, (H, W) or (H, W, 1), gets equal channels.

    Raises:
        DataError: It is not.
    """
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        image = np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise DataError(
            f'an image must have shape (H, W, 3) and dtype uint8, got {image.shape} {image.dtype}'
        )
    return image
