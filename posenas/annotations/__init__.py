"""The one reader of files in COCO's keypoint layout: records, and what was made of them."""

from .file import AnnotationFile, read_annotations, unnamed_skeleton
from .findings import Finding, Findings, announce
from .images import list_videos
from .names import find_file, locate_files
from .sources import WHOLE_BODY, Source
from .values import LEVELS, as_integer, as_level, as_number, as_numbers

__all__ = [
    'LEVELS',
    'WHOLE_BODY',
    'AnnotationFile',
    'Finding',
    'Findings',
    'Source',
    'announce',
    'as_integer',
    'as_level',
    'as_number',
    'as_numbers',
    'find_file',
    'list_videos',
    'locate_files',
    'read_annotations',
    'unnamed_skeleton',
]
