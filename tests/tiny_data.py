"""Annotated pictures of people reduced to coloured spots, written in a moment."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from posenas.skeletons import Skeleton, get_skeleton

WIDTH, HEIGHT = 96, 128


def write_people(
    folder: Path,
    images: str = '',
    annotations: str = 'people.json',
    *,
    skeleton: str | Skeleton = 'coco',
    num_images: int = 4,
    seed: int = 0,
) -> Path:
    """Write pictures with one person each and their COCO keypoint file.

    Keypoints are discs at random places, one colour per keypoint, so a network can learn them.

    Args:
        folder: Root of the data set.
        images: Subfolder of the pictures.
        annotations: Path of the annotation file below ``folder``.
    """
    known = skeleton if isinstance(skeleton, Skeleton) else get_skeleton(skeleton)
    names = known.joint_names
    data = dict(
        images=[], annotations=[], categories=[dict(id=1, name='person', keypoints=list(names))]
    )
    for number, joints in _draw_people(folder / images, len(names), num_images, seed):
        low, high = joints.min(0) - 4, joints.max(0) + 5
        width, height = (high - low).tolist()
        keypoints = np.column_stack([joints, np.full(len(names), 2)]).reshape(-1).tolist()
        data['images'].append(
            dict(id=number, file_name=f'{number:03}.jpg', width=WIDTH, height=HEIGHT)
        )
        data['annotations'].append(
            dict(
                id=number,
                image_id=number,
                category_id=1,
                iscrowd=0,
                area=width * height,
                bbox=[*low.tolist(), width, height],
                keypoints=keypoints,
                num_keypoints=len(names),
            )
        )
    file = folder / annotations
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data))
    return file


def _draw_people(folder: Path, num_joints: int, num_images: int, seed: int) -> Iterator:
    """Write the pictures 001.jpg and so on; yield the number and keypoints (K, 2) of each."""
    rng = np.random.default_rng(seed)
    colors = np.random.default_rng(0).integers(60, 256, (num_joints, 3)).tolist()
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, num_images + 1):
        joints = rng.integers((12, 12), (WIDTH - 12, HEIGHT - 12), (num_joints, 2))
        picture = rng.integers(0, 50, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        for joint, color in zip(joints.tolist(), colors, strict=True):
            cv2.circle(picture, joint, 5, color, -1)
        cv2.imwrite(str(folder / f'{number:03}.jpg'), picture)
        yield number, joints


def write_mpii_people(
    folder: Path,
    images: str = '',
    annotations: str = 'people.json',
    headboxes: str | Path | None = None,
    *,
    num_images: int = 4,
    seed: int = 0,
) -> Path:
    """Write pictures with one person each and their MPII file, which counts pixels from 1.

    Args:
        folder: Root of the data set.
        images: Subfolder of the pictures.
        annotations: Path of the annotation file below ``folder``.
        headboxes: MATLAB file of head boxes to write, if any.
    """
    people, joints = [], []
    for number, points in _draw_people(folder / images, 16, num_images, seed):
        joints.append(points + 1)
        people.append(
            dict(
                image=f'{number:03}.jpg',
                center=[WIDTH / 2, HEIGHT / 2],
                scale=HEIGHT / 200,
                joints=joints[-1].tolist(),
                joints_vis=[1] * 16,
            )
        )
    file = folder / annotations
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(people))
    if headboxes is not None:
        points = np.array(joints, np.float64).transpose(1, 2, 0)  # (16, 2, N)
        boxes = np.array([[10.0, 10.0], [26.0, 26.0]])[..., None].repeat(len(people), axis=2)
        missing = np.zeros((16, len(people)), np.uint8)
        arrays = dict(headboxes_src=boxes, pos_gt_src=points, jnt_missing=missing)
        Path(headboxes).parent.mkdir(parents=True, exist_ok=True)
        savemat(headboxes, arrays)
    return file


def write_posetrack_people(
    folder: Path,
    images: str = '',
    annotations: str = 'people.json',
    *,
    num_images: int = 4,
    seed: int = 0,
) -> Path:
    """Write a video with one person and its PoseTrack file; files name pictures from ``folder``.

    Args:
        folder: Root of the data set.
        images: Folder of the pictures, relative to ``folder``, that file names start from.
        annotations: Path of the annotation file below ``folder``.
    """
    video = Path(annotations).stem
    file = write_people(
        folder,
        str(Path(images, video)),
        annotations,
        skeleton='posetrack18',
        num_images=num_images,
        seed=seed,
    )
    data = json.loads(file.read_text())
    for image in data['images']:
        image['file_name'] = f'{video}/{image["file_name"]}'
    for person in data['annotations']:
        person |= dict(track_id=0, bbox_head=[10, 10, 30, 40])
    file.write_text(json.dumps(data))
    return file


def write_boxes(annotation_file: Path, file: Path) -> None:
    """Write the labelled boxes as detections with score 1."""
    labels = json.loads(annotation_file.read_text())['annotations']
    keys = ('image_id', 'category_id', 'bbox')
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([dict({k: x[k] for k in keys}, score=1.0) for x in labels]))
