"""Poses, boxes and heatmaps drawn on RGB images (H, W, 3) uint8; each function returns a copy.

Lines are antialiased and placed with sub-pixel precision, and by default as wide as suits the
size of the person.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from posenas.skeletons import Skeleton

Image = NDArray[np.uint8]
Floats = NDArray[np.floating]
Color = tuple[int, int, int]

#: Fractional bits of the coordinates that OpenCV draws at.
_SHIFT = 4
_OUTLINE: Color = (20, 20, 20)
#: Largest coordinate that is handed to OpenCV; predictions far outside would overflow.
_FAR = 1e5


def draw_poses(
    image: Image,
    keypoints: Floats,
    keypoint_scores: Floats,
    skeleton: Skeleton,
    score_thr: float = 0.3,
    line_width: int | None = None,
    radius: int | None = None,
    alpha: float = 1.0,
    joint_color: Color | None = None,
    limb_color: Color | None = None,
    visibilities: Floats | None = None,
) -> Image:
    """Draw the limbs and keypoints of people.

    Args:
        image: (H, W, 3).
        keypoints: (N, K, 2) pixels.
        keypoint_scores: (N, K) confidences, or visibilities of annotations.
        skeleton: Keypoints, limbs and their colours.
        score_thr: Only keypoints whose score is greater, and limbs between two such, are drawn.
        line_width: Pixels; None suits each person.
        radius: Of keypoints, pixels; None suits each person.
        alpha: Opacity in [0, 1].
        joint_color: One colour for all keypoints instead of the skeleton's.
        limb_color: One colour for all limbs instead of the skeleton's.
        visibilities: How likely each keypoint is visible (N, K); those below one half are rings,
            and limbs to them half as wide. None: all are discs.
    """
    canvas = image.copy()
    visible = np.asarray(keypoint_scores) > score_thr  # (N, K)
    visible &= (np.abs(keypoints) < _FAR).all(axis=-1)
    hidden = np.zeros_like(visible) if visibilities is None else np.asarray(visibilities) < 0.5
    for joints, shown, rings in zip(np.asarray(keypoints), visible, hidden, strict=True):
        width = line_width or suitable_line_width(joints[shown])
        outline = round(0.35 * width)  # none around the thin lines of small people
        limbs = [
            (joints[ends], -(-width // 2) if rings[ends].any() else width, limb_color or color)
            for ends, color in zip(map(list, skeleton.limbs), skeleton.limb_colors, strict=True)
            if shown[ends].all()
        ]
        for ends, own, _ in limbs if outline else ():
            _line(canvas, ends, _OUTLINE, own + 2 * round(0.35 * own))
        for ends, own, color in limbs:
            _line(canvas, ends, color, own)
        for joint in np.flatnonzero(shown):
            size = radius or 1.4 * width
            _disc(canvas, joints[joint], size + 0.5 * max(outline, 1), _OUTLINE)
            _disc(canvas, joints[joint], size, joint_color or skeleton.joint_colors[joint])
            if rings[joint]:
                _disc(canvas, joints[joint], 0.6 * size, _OUTLINE)
    return canvas if alpha == 1 else cv2.addWeighted(canvas, alpha, image, 1 - alpha, 0)


def suitable_line_width(joints: Floats) -> int:
    """Return the line width, 1 to 12 pixels, that suits a person with these keypoints (n, 2)."""
    if len(joints) < 2:
        return 2
    extent = float(np.ptp(joints, axis=0).max())
    return int(np.clip(round(extent / 90), 1, 12))


def draw_bboxes(
    image: Image, bboxes: Floats, color: Color = (0, 128, 0), line_width: int | None = None
) -> Image:
    """Draw boxes (N, 4), x1 y1 x2 y2 in pixels."""
    canvas = image.copy()
    for box in np.clip(np.asarray(bboxes, np.float64), -_FAR, _FAR):
        width = line_width or -(-suitable_line_width(box.reshape(2, 2)) // 2)
        upper_left, lower_right = _fixed_point(box.reshape(2, 2))
        cv2.rectangle(canvas, upper_left, lower_right, color, width, cv2.LINE_AA, _SHIFT)
    return canvas


def draw_keypoint_numbers(
    image: Image,
    keypoints: Floats,
    keypoint_scores: Floats,
    score_thr: float = 0.3,
    color: Color = (255, 255, 255),
) -> Image:
    """Write the index of each keypoint (N, K, 2) beside it; scores as in :func:`draw_poses`."""
    canvas = image.copy()
    for joints, scores in zip(keypoints, keypoint_scores, strict=True):
        for number, (x, y) in enumerate(joints):
            if scores[number] > score_thr and max(abs(x), abs(y)) < _FAR:
                place = (round(float(x)) + 4, round(float(y)) - 4)
                for ink, width in ((_OUTLINE, 3), (color, 1)):
                    cv2.putText(
                        canvas, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, ink, width, 16
                    )
    return canvas


def draw_notes(
    image: Image, bboxes: Floats, notes: Sequence[str], color: Color = (255, 255, 255)
) -> Image:
    """Write a note at the upper left corner of each box (N, 4), x1 y1 x2 y2 in pixels."""
    canvas = image.copy()
    for bbox, note in zip(bboxes, notes, strict=True):
        x, y = np.clip(bbox[:2], (0, 12), (canvas.shape[1], canvas.shape[0])).astype(int)
        place = (int(x) + 2, int(y) - 3)
        for ink, width in ((_OUTLINE, 3), (color, 1)):
            cv2.putText(canvas, note, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, ink, width, 16)
    return canvas


def draw_heatmaps(image: Image, heatmaps: Floats, alpha: float = 0.65) -> Image:
    """Lay the largest of the maps (K, h, w) over the image, more opaque where it is higher.

    Args:
        image: (H, W, 3).
        heatmaps: (K, h, w), any size; stretched to that of the image.
        alpha: Opacity of the highest value.
    """
    height, width = image.shape[:2]
    heat = np.asarray(heatmaps, np.float32).max(axis=0)
    heat = np.clip(heat / max(float(heat.max()), 1e-6), 0, 1)
    heat = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
    colors = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)
    opacity = alpha * (heat**0.75)[..., None]
    blended = image * (1 - opacity) + cv2.cvtColor(colors, cv2.COLOR_BGR2RGB) * opacity
    return np.rint(blended).astype(np.uint8)


def heatmaps_to_image(
    heatmaps: Floats, warp_mat: Floats, stride: Sequence[float], image_size: Sequence[int]
) -> Floats:
    """Carry maps of a crop back to its place in the image.

    Args:
        heatmaps: (K, h, w).
        warp_mat: Matrix (2, 3) from image to crop.
        stride: Pixels of the crop per pixel of the heatmaps along x and y.
        image_size: (width, height) of the image.

    Returns:
        (K, height, width), 0 outside of the crop.
    """
    matrix = warp_mat / np.asarray(stride)[:, None]  # from image to cells
    maps = np.ascontiguousarray(heatmaps, np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack([cv2.warpAffine(map_, matrix, tuple(image_size), flags=flags) for map_ in maps])


def _fixed_point(points: Floats) -> list[tuple[int, int]]:
    """Express points (n, 2) in the fractional units in which OpenCV draws."""
    scaled = np.rint(np.asarray(points, np.float64) * 2**_SHIFT).astype(int)
    return [(int(x), int(y)) for x, y in scaled]


def _line(canvas: Image, ends: Floats, color: Color, width: int) -> None:
    first, second = _fixed_point(ends)
    cv2.line(canvas, first, second, color, width, cv2.LINE_AA, _SHIFT)


def _disc(canvas: Image, center: Floats, radius: float, color: Color) -> None:
    (place,) = _fixed_point(center[None])
    cv2.circle(canvas, place, round(radius * 2**_SHIFT), color, cv2.FILLED, cv2.LINE_AA, _SHIFT)
