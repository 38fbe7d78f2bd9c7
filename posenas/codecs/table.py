"""All codecs by name, for configs and for exported networks, which know no registry."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from posenas.codecs.base import KeypointCodec
from posenas.codecs.megvii_heatmap import MegviiHeatmap
from posenas.codecs.msra_heatmap import MSRAHeatmap
from posenas.codecs.pnfs_heatmap import PNFSHeatmap
from posenas.codecs.udp_heatmap import UDPHeatmap
from posenas.utils import DataError

#: Name -> codec.
CODECS: Mapping[str, type[KeypointCodec]] = MappingProxyType(
    {codec.__name__: codec for codec in (MSRAHeatmap, MegviiHeatmap, PNFSHeatmap, UDPHeatmap)}
)


def build_codec(settings: Mapping[str, Any]) -> KeypointCodec:
    """Build one of :data:`CODECS`.

    Args:
        settings: ``type``, its name, and its arguments.

    Raises:
        DataError: There is no such codec, or it has other arguments.
    """
    arguments = dict(settings)
    name = arguments.pop('type', None)
    if name not in CODECS:
        raise DataError(
            f'codec must be one of {sorted(CODECS)}, got {name!r}: give the codec itself, or '
            'install the release of posenas that exported the network'
        )
    try:
        return CODECS[name](**arguments)
    except (TypeError, ValueError) as error:
        raise DataError(f'codec must be one that {name} can be: {error}') from error
