"""Annotations of many figures with any mirror pairs, without images."""

import json
from pathlib import Path

import numpy as np

#: Left, top, width and height of the middle of each figure, and of its image.
SIZE = 1000


def draw_figures(
    num_joints: int, pairs: list[tuple[int, int]], count: int, seed: int = 0, tilt: float = 0.15
) -> np.ndarray:
    """Return keypoints (count, num_joints, 2) of figures whose left and right are alike.

    The figures differ in size, place, tilt, turning and posture; the keypoints of a pair move by
    the same law, mirrored, and those without a pair around the middle.
    """
    rng = np.random.default_rng(seed)
    places = rng.uniform((0.08, -0.5), (0.5, 0.5), (num_joints, 2))
    partners = np.arange(num_joints)
    for first, second in pairs:
        places[second] = places[first] * (-1, 1)
        partners[[first, second]] = second, first
    places[partners == np.arange(num_joints), 0] = 0
    points = places + rng.normal(0, 0.02, (count, num_joints, 2))
    points[..., 0] *= rng.uniform(0.5, 1, (count, 1))  # turned to either side
    points[..., 0] += rng.normal(0, 0.1, (count, 1)) * (places[:, 1] > 0)
    angle = rng.normal(0, tilt, count)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.einsum('ijn,nkj->nki', turn, points)
    size, middle = rng.uniform(50, 300, count), rng.uniform(350, 650, (count, 1, 2))
    return points * size[:, None, None] + middle


def write_figures(path: Path, points: np.ndarray, names: list[str] | None, **category) -> Path:
    """Write keypoints (count, K, 2), one figure an image, as a COCO keypoint file."""
    images, annotations = [], []
    for number, joints in enumerate(points, start=1):
        low, high = joints.min(0), joints.max(0)
        flat = np.column_stack([joints, np.full(len(joints), 2)]).ravel().round(2).tolist()
        box = [*low.tolist(), *(high - low).tolist()]
        area = 0.53 * box[2] * box[3]
        images.append(dict(id=number, file_name=f'{number}.jpg', width=SIZE, height=SIZE))
        annotations.append(
            dict(id=number, image_id=number, category_id=1, bbox=box, area=area, keypoints=flat)
        )
    kind = dict(id=1, name='person', **category)
    if names is not None:
        kind['keypoints'] = names
    content = dict(images=images, annotations=annotations, categories=[kind])
    path.write_text(json.dumps(content))
    return path
