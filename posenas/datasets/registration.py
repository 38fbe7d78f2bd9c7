"""Names of the codecs in configs; the classes are plain and know no registry."""

from posenas.codecs import CODECS
from posenas.registry import KEYPOINT_CODECS

for codec in CODECS.values():
    KEYPOINT_CODECS.register_module(module=codec)
