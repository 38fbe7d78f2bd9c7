"""Boxes, crop matrices, points and moved heatmaps as plain arrays; NumPy and OpenCV only."""

from .affine import (
    crop_to_image,
    get_udp_warp_matrix,
    get_warp_matrix,
    invert_affine,
    letterbox_image,
    warp_image,
    warp_points,
)
from .bbox import (
    bbox_cs2xyxy,
    bbox_iou,
    bbox_xywh2xyxy,
    bbox_xyxy2cs,
    bbox_xyxy2xywh,
    clean_bbox_xywh,
    fix_aspect_ratio,
    grow_to_whole_pixels,
    keep_best_boxes,
    match_boxes,
    parse_bboxes,
)
from .keypoint import convert_keypoints, flip_bbox, flip_keypoints
from .polygon import points_in_polygon
from .propagation import find_source_pixels, heatmap_matrix, move_heatmaps

__all__ = [
    'bbox_cs2xyxy',
    'bbox_iou',
    'bbox_xywh2xyxy',
    'bbox_xyxy2cs',
    'bbox_xyxy2xywh',
    'clean_bbox_xywh',
    'convert_keypoints',
    'crop_to_image',
    'find_source_pixels',
    'fix_aspect_ratio',
    'flip_bbox',
    'flip_keypoints',
    'get_udp_warp_matrix',
    'get_warp_matrix',
    'grow_to_whole_pixels',
    'heatmap_matrix',
    'invert_affine',
    'keep_best_boxes',
    'letterbox_image',
    'match_boxes',
    'move_heatmaps',
    'parse_bboxes',
    'points_in_polygon',
    'warp_image',
    'warp_points',
]
