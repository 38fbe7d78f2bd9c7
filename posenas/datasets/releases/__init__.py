"""Published data sets brought to COCO's form."""

from .files import annotate, box_around, coco_content, read_image_size
from .lsp import convert_lsp_release, convert_lspet_release
from .mpii import MpiiRelease, convert_mpii_release, read_mpii_release
from .yolo_pose import convert_yolo_pose

__all__ = [
    'MpiiRelease',
    'annotate',
    'box_around',
    'coco_content',
    'convert_lsp_release',
    'convert_lspet_release',
    'convert_mpii_release',
    'convert_yolo_pose',
    'read_image_size',
    'read_mpii_release',
]
