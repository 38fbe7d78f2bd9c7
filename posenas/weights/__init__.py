"""Networks that come with the library: their files and cards; no torch."""

from .shipped import (
    DEFAULT_DETECTOR,
    DEFAULT_POSE,
    SHIPPED,
    ShippedNetwork,
    fill_in,
    find_int8,
    find_onnx,
    find_shipped,
    is_shipped,
    list_shipped,
    require_shipped,
    require_visibility,
)

__all__ = [
    'DEFAULT_DETECTOR',
    'DEFAULT_POSE',
    'SHIPPED',
    'ShippedNetwork',
    'fill_in',
    'find_int8',
    'find_onnx',
    'find_shipped',
    'is_shipped',
    'list_shipped',
    'require_shipped',
    'require_visibility',
]
