"""All codecs by name, for configs and for exported networks, which know no registry."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from posenas.codecs.base import KeypointCodec
from posenas.codecs.box_lists import ListedBoxes, YOLOXBoxes
from posenas.codecs.center_box import CenterBox
from posenas.codecs.megvii_heatmap import MegviiHeatmap
from posenas.codecs.msra_heatmap import MSRAHeatmap
from posenas.codecs.pnfs_heatmap import PNFSHeatmap
from posenas.codecs.regression_label import RegressionLabel
from posenas.codecs.simcc_label import SimCCLabel
from posenas.codecs.udp_heatmap import UDPHeatmap
from posenas.utils import DataError

#: What reads boxes of people; those of other projects train nothing and have no name here.
BoxCodec = CenterBox | ListedBoxes | YOLOXBoxes
#: What decodes the outputs of a network.
Codec = KeypointCodec | SimCCLabel | RegressionLabel | BoxCodec
_HEATMAPS = (MSRAHeatmap, MegviiHeatmap, PNFSHeatmap, UDPHeatmap)
#: Name -> codec.
CODECS: Mapping[str, type[Codec]] = MappingProxyType(
    {codec.__name__: codec for codec in (CenterBox, *_HEATMAPS, RegressionLabel, SimCCLabel)}
)


def build_codec(settings: Mapping[str, Any]) -> Codec:
    """Build one of :data:`CODECS`.

    Args:
        settings: ``type``, its name, and its arguments.

    Raises:
        DataError: There is no such codec, or it has other arguments.
    """
    arguments = dict(settings)
    name = str(arguments.pop('type', None))
    if name not in CODECS:
        raise DataError(
            f'codec must be one of {sorted(CODECS)}, got {name!r}: give the codec itself, or '
            'install the release of posenas that exported the network'
        )
    try:
        return CODECS[name](**arguments)
    except (TypeError, ValueError) as error:
        raise DataError(f'codec must be one that {name} can be: {error}') from error
