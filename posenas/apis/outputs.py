"""What is handed back: plain instances and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from posenas.skeletons import COCO, Skeleton
from posenas.structures import PoseDataSample, split_instances
from posenas.utils import check_choice, check_probability


@dataclass(frozen=True)
class DrawOptions:
    """How predictions are drawn.

    Attributes:
        kpt_thr: Keypoints whose score is greater are drawn, in [0, 1].
        radius: Of keypoints, pixels; None suits the size of each person.
        thickness: Of limbs, pixels; None suits the size of each person.
        draw_bbox: Whether to draw the boxes.
        draw_heatmap: Whether to lay the heatmaps over the image.
        skeleton_style: 'mmpose', or 'openpose' for models of COCO's keypoints.
    """

    kpt_thr: float = 0.3
    radius: int | None = None
    thickness: int | None = None
    draw_bbox: bool = False
    draw_heatmap: bool = False
    skeleton_style: str = 'mmpose'

    def __post_init__(self) -> None:
        """Refuse values without meaning."""
        check_probability('kpt_thr', self.kpt_thr)
        check_choice('skeleton_style', self.skeleton_style, ('mmpose', 'openpose'))


#: What is known of a person in a frame of a video.
_IN_VIDEO = ('track_id', 'period_position')


def to_instances(samples: Sequence[PoseDataSample]) -> list[dict[str, Any]]:
    """Turn predictions into plain Python values.

    Returns:
        Per person ``keypoints`` [[x, y], ...] in image pixels, ``keypoint_scores``, ``bbox``
        [[x1, y1, x2, y2]] (nested, as readers of MMPose's files expect) and ``bbox_score``; with a
        calibrator ``keypoint_visibilities``; where
        people are followed ``track_id``, and of networks for videos ``period_position``, the frames
        since the key frame.
    """
    return [
        dict(
            split_instances(sample.pred_instances)[0],
            **{key: sample.metainfo[key] for key in _IN_VIDEO if key in sample.metainfo},
        )
        for sample in samples
    ]


def draw_people(
    image: np.ndarray,
    samples: Sequence[PoseDataSample],
    skeleton: Skeleton,
    options: DrawOptions,
    heatmap: np.ndarray | None = None,
) -> np.ndarray:
    """Draw the predictions of one image.

    Args:
        image: (H, W, 3) uint8 in the order blue, green, red.
        samples: One per person.
        skeleton: Keypoints and limbs.
        options: See :class:`DrawOptions`.
        heatmap: (1, H, W), result of :func:`add_heatmaps`, laid over the image.

    Returns:
        Picture (H, W, 3) uint8 in the order red, green, blue.
    """
    from posenas.visualization import (
        OPENPOSE,
        draw_bboxes,
        draw_heatmaps,
        draw_notes,
        draw_poses,
        to_openpose,
    )

    picture = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    if not samples:
        return picture
    people = [sample.pred_instances for sample in samples]
    if heatmap is not None:
        picture = draw_heatmaps(picture, heatmap)
    if options.draw_bbox:
        picture = draw_bboxes(picture, np.concatenate([person.bboxes for person in people]))
    keypoints = np.concatenate([person.keypoints for person in people])
    scores = np.concatenate([person.keypoint_scores for person in people])
    visibilities = None
    if all('keypoint_visibilities' in person for person in people):
        visibilities = np.concatenate([person.keypoint_visibilities for person in people])
    if options.skeleton_style == 'openpose' and skeleton.joint_names == COCO.joint_names:
        visibilities = None  # the neck is no keypoint of the network
        keypoints, scores = to_openpose(keypoints, scores)
        skeleton = OPENPOSE
    notes = list(map(_note, samples))
    if any(notes):
        picture = draw_notes(picture, np.concatenate([p.bboxes for p in people]), notes)
    return draw_poses(
        picture,
        keypoints,
        scores,
        skeleton,
        score_thr=options.kpt_thr,
        line_width=options.thickness,
        radius=options.radius,
        visibilities=visibilities,
    )


def _note(sample: PoseDataSample) -> str:
    """Say which track a person is and which network looked, in videos; '' elsewhere."""
    track, position = (sample.metainfo.get(key) for key in _IN_VIDEO)
    if track is None or position is None:
        return '' if track is None else str(track)
    return f'{track} {f"light {position}" if position else "key"}'


def add_heatmaps(canvas: np.ndarray, sample: PoseDataSample) -> None:
    """Lay the largest of a person's maps at its place in an image, where it is the larger one.

    Args:
        canvas: (1, H, W), changed in place.
        sample: Person with ``pred_fields``.
    """
    from posenas.visualization import place_heatmaps

    size = canvas.shape[2], canvas.shape[1]
    np.maximum(canvas, place_heatmaps(sample, 'pred_fields', size), out=canvas)
