"""Names of the codecs in configs; the classes are plain and know no registry."""

from posenas.codecs import (
    CenterBox,
    MegviiHeatmap,
    MSRAHeatmap,
    PNFSHeatmap,
    RegressionLabel,
    SimCCLabel,
    UDPHeatmap,
)
from posenas.registry import KEYPOINT_CODECS

_HEATMAPS = (MSRAHeatmap, MegviiHeatmap, PNFSHeatmap, UDPHeatmap)
for codec in (CenterBox, *_HEATMAPS, RegressionLabel, SimCCLabel):
    KEYPOINT_CODECS.register_module(module=codec)
