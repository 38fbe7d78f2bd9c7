"""Names of the codecs in configs; the classes are plain and know no registry."""

from posenas.codecs import MegviiHeatmap, MSRAHeatmap, PNFSHeatmap, SimCCLabel, UDPHeatmap
from posenas.registry import KEYPOINT_CODECS

for codec in (MSRAHeatmap, MegviiHeatmap, PNFSHeatmap, SimCCLabel, UDPHeatmap):
    KEYPOINT_CODECS.register_module(module=codec)
