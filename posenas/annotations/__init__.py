"""The one reader of files in COCO's keypoint layout: records, and what was made of them."""

from .file import AnnotationFile, read_annotations, unnamed_skeleton
from .findings import Finding, Findings, announce
from .names import find_file, locate_files

__all__ = [
    'AnnotationFile',
    'Finding',
    'Findings',
    'announce',
    'find_file',
    'locate_files',
    'read_annotations',
    'unnamed_skeleton',
]
