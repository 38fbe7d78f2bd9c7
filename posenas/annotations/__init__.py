"""The one reader of files in COCO's keypoint layout: records, and what was made of them."""

from .file import LEFT_OUT, AnnotationFile, read_annotations
from .findings import Finding, announce
from .names import find_file, locate_files

__all__ = [
    'LEFT_OUT',
    'AnnotationFile',
    'Finding',
    'announce',
    'find_file',
    'locate_files',
    'read_annotations',
]
