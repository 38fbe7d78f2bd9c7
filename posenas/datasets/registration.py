"""Names of the codecs in configs; the classes are plain and know no registry."""

from posenas.codecs import CenterBox, MegviiHeatmap, MSRAHeatmap, PNFSHeatmap, UDPHeatmap
from posenas.registry import KEYPOINT_CODECS

for codec in (CenterBox, MSRAHeatmap, MegviiHeatmap, PNFSHeatmap, UDPHeatmap):
    KEYPOINT_CODECS.register_module(module=codec)
