"""What can be wrong with labels that are well-formed: boxes, keypoints, sides."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from posenas.datasets.annotations import LOST
from posenas.datasets.persons import ImageTable, PersonTable
from posenas.geometry import bbox_xywh2xyxy, bbox_xyxy2cs
from posenas.skeletons import Skeleton

#: Tolerance of coordinates at the image's border, pixels.
_BORDER = 1.0
#: Padding of the crop; a labelled keypoint beyond it is invisible to the network.
_PADDING = 1.25
#: Areas that COCO calls small and medium, square pixels.
_SMALL, _MEDIUM = 32**2, 96**2


@dataclass
class Labels:
    """Annotations of people with labelled keypoints; P people, K keypoints.

    Attributes:
        places: Position of each in the file's list (P,).
        ids: Identifiers (P,).
        images: The images.
        image_rows: Row of each person's image (P,).
        sizes: Width and height of that image (P, 2), pixels; infinite where unknown.
        bboxes: Left, top, width, height (P, 4), pixels.
        keypoints: x, y, v (P, K, 3), pixels; v is 0 for unlabelled keypoints.
        areas: Square pixels (P,), NaN where the file has none.
        lost: Why loading leaves each out (P,), one of ``LOST``; '' where it does not.
        skeleton: The keypoints.
    """

    places: np.ndarray
    ids: np.ndarray
    images: ImageTable
    image_rows: np.ndarray
    sizes: np.ndarray
    bboxes: np.ndarray
    keypoints: np.ndarray
    areas: np.ndarray
    lost: np.ndarray
    skeleton: Skeleton

    @classmethod
    def from_table(
        cls, table: PersonTable, places: np.ndarray, lost: np.ndarray, skeleton: Skeleton
    ) -> 'Labels':
        """Take people as they were loaded."""
        sizes = table.images.sizes[table.image_rows].astype(float).reshape(-1, 2)
        levels = table.visibility[..., None].astype(float)
        return cls(
            places=places,
            ids=table.ids,
            images=table.images,
            image_rows=table.image_rows,
            sizes=np.where(sizes > 0, sizes, np.inf),
            bboxes=table.raw_bboxes.astype(float),
            keypoints=np.concatenate([table.keypoints.astype(float), levels], axis=2),
            areas=table.areas,
            lost=lost,
            skeleton=skeleton,
        )

    @property
    def labelled(self) -> np.ndarray:
        """Whether each keypoint is labelled (P, K)."""
        return self.keypoints[:, :, 2] > 0

    def _joint(self, part: str, side: str) -> np.ndarray:
        """Return keypoint ``<side>_<part>`` (P, 2), NaN where it is not labelled."""
        joint = self.skeleton.joint_index(f'{side}_{part}')
        points = self.keypoints[:, joint, :2].copy()
        points[~self.labelled[:, joint]] = np.nan
        return points

    @property
    def shows_face(self) -> np.ndarray:
        """Whether nose and both eyes are visible, above the shoulders (P,)."""
        names = ('nose', 'left_eye', 'right_eye', 'left_shoulder', 'right_shoulder')
        if not set(names) <= set(self.skeleton.joint_names):
            return np.zeros(len(self.places), bool)
        joints = [self.skeleton.joint_index(name) for name in names]
        visible = (self.keypoints[:, joints[:3], 2] == 2).all(axis=1)
        labelled = self.labelled[:, joints[3:]].all(axis=1)
        y = self.keypoints[:, joints, 1]
        return visible & labelled & (y[:, :3].max(axis=1) < y[:, 3:].min(axis=1))

    def line(self, part: str) -> np.ndarray:
        """Return the vector from right to left ``part`` (P, 2), NaN where it is unknown."""
        names = {f'{side}_{part}' for side in ('left', 'right')}
        if not names <= set(self.skeleton.joint_names):
            return np.full((len(self.places), 2), np.nan)
        return self._joint(part, 'left') - self._joint(part, 'right')


def _empty_box(labels: Labels) -> np.ndarray:
    return (labels.bboxes[:, 2:] <= 0).any(axis=1)


def _box_lost(labels: Labels) -> np.ndarray:
    return (labels.lost == LOST[1]) & ~_empty_box(labels)


def _box_cut(labels: Labels) -> np.ndarray:
    corners = bbox_xywh2xyxy(labels.bboxes)
    beyond = (corners[:, :2] < -_BORDER) | (corners[:, 2:] > labels.sizes + _BORDER)
    return beyond.any(axis=1) & (labels.lost != LOST[1])


def _joint_outside(labels: Labels) -> np.ndarray:
    points = labels.keypoints[:, :, :2]
    beyond = (points < -_BORDER) | (points > labels.sizes[:, None] + _BORDER)
    return (beyond.any(axis=2) & labels.labelled).any(axis=1)


def _joint_beyond_crop(labels: Labels) -> np.ndarray:
    center, scale = bbox_xyxy2cs(bbox_xywh2xyxy(labels.bboxes), _PADDING)
    distance = np.abs(labels.keypoints[:, :, :2] - center[:, None])
    # The crop's short side is enlarged, so the longer side bounds what it shows.
    beyond = distance.max(axis=2) > scale.max(axis=1)[:, None] / 2
    return (beyond & labels.labelled).any(axis=1) & ~_empty_box(labels)


def _joint_at_corner(labels: Labels) -> np.ndarray:
    at_corner = ~labels.keypoints[:, :, :2].any(axis=2) & labels.labelled
    return at_corner.any(axis=1) & (labels.lost != LOST[0])


def _shares_of_image(labels: Labels) -> np.ndarray:
    points = np.where(labels.labelled[:, :, None], labels.keypoints[:, :, :2], 0)
    return (points.max(axis=(1, 2), initial=0) <= 1) & (labels.sizes.min(axis=1) > 2)


def _area_zero(labels: Labels) -> np.ndarray:
    return (labels.areas <= 0) & (labels.lost != LOST[2])


def _sides_at_one_spot(labels: Labels) -> np.ndarray:
    same = np.zeros(len(labels.places), bool)
    for left, right in labels.skeleton.flip_pairs:
        distance = np.abs(labels.keypoints[:, left, :2] - labels.keypoints[:, right, :2])
        both = labels.labelled[:, left] & labels.labelled[:, right]
        same |= both & (distance.max(axis=1) < 0.5)
    return same


def _torso_twisted(labels: Labels) -> np.ndarray:
    """Find shoulders and hips that run in opposite directions, both clearly."""
    shoulders, hips = labels.line('shoulder'), labels.line('hip')
    lengths = np.linalg.norm(shoulders, axis=1), np.linalg.norm(hips, axis=1)
    unit = labels.bboxes[:, 2:].max(axis=1) * 0.1
    with np.errstate(invalid='ignore', divide='ignore'):
        cosine = (shoulders * hips).sum(axis=1) / (lengths[0] * lengths[1])
        return (cosine < -0.7) & (np.minimum(*lengths) > unit)


def _eyes_exchanged(labels: Labels) -> np.ndarray:
    """Find visible, upright faces whose left eye is clearly on the left of the image."""
    eyes = labels.line('eye')[:, 0]
    clear = eyes < -0.03 * labels.bboxes[:, 2:].max(axis=1)
    return labels.shows_face & clear


def _repeated(labels: Labels) -> np.ndarray:
    rows = np.concatenate([labels.image_rows[:, None], labels.bboxes], axis=1)
    first = np.unique(rows, axis=0, return_index=True)[1]
    repeated = np.ones(len(rows), bool)
    repeated[first] = False
    return repeated


_CORNER = 'no labelled keypoint is right of or below (0, 0); the person is left out'
_AREA = (
    'OKS treats such a person as a point, so only exact keypoints count, and versions before 1.x '
    'leave it out: give areas, or posenas eval --no-area'
)
#: Severity, what is found, its check (P people -> (P,) bool), what it means.
LABEL_CHECKS: tuple[tuple[str, str, Callable[[Labels], np.ndarray], str], ...] = (
    ('error', 'empty box', _empty_box, 'width and height must be positive; the person is left out'),
    ('error', 'box outside the image', _box_lost, 'the person is left out'),
    ('error', 'labels outside the image', lambda labels: labels.lost == LOST[0], _CORNER),
    ('error', 'area 0, left out', lambda labels: labels.lost == LOST[2], _AREA),
    ('warning', 'area 0', _area_zero, _AREA),
    ('warning', 'shares of the image?', _shares_of_image, 'keypoints must be in pixels'),
    ('warning', 'keypoint at (0, 0)', _joint_at_corner, 'label it v = 0 if it has no place'),
    ('warning', 'box extends beyond the image', _box_cut, 'it is cut to the image'),
    (
        'warning',
        'keypoint outside the image',
        _joint_outside,
        'label it v = 0, or correct the image',
    ),
    ('warning', 'keypoint beyond the crop', _joint_beyond_crop, 'the network cannot see it'),
    ('warning', 'left and right at one spot', _sides_at_one_spot, 'a pair cannot share a pixel'),
    ('warning', 'left and right swapped?', _torso_twisted, 'shoulders and hips run opposite ways'),
    ('warning', 'eyes exchanged?', _eyes_exchanged, 'a face shows its left eye on the right'),
    ('warning', 'person repeated', _repeated, 'the image has another person with the same box'),
)


def describe_labels(labels: Labels) -> dict[str, object]:
    """Summarise people, keypoints and boxes in plain numbers."""
    count = max(len(labels.places), 1)
    shares = labels.labelled.sum(axis=0) / count
    areas = labels.bboxes[:, 2:].prod(axis=1)
    per_image = np.unique(labels.image_rows, return_counts=True)[1]
    per_person = labels.labelled.sum(axis=1)
    return {
        'persons': len(labels.places),
        'images with persons': len(per_image),
        'persons per image': {
            'mean': round(float(per_image.mean()), 2) if len(per_image) else 0.0,
            'max': int(per_image.max(initial=0)),
        },
        'labelled keypoints per person': round(float(per_person.sum()) / count, 2),
        'share of people by box area': {
            'small': round(float((areas < _SMALL).sum()) / count, 4),
            'medium': round(float(((areas >= _SMALL) & (areas < _MEDIUM)).sum()) / count, 4),
            'large': round(float((areas >= _MEDIUM).sum()) / count, 4),
        },
        'share of people with joint': {
            name: round(float(share), 4)
            for name, share in zip(labels.skeleton.joint_names, shares, strict=True)
        },
    }
