"""Random videos of people, as arrays and as files in the official layout."""

import copy

import numpy as np

from posenas.evaluation.functional import VideoFrame
from posenas.skeletons import POSETRACK17, POSETRACK18

__all__ = ['as_results', 'make_frames', 'make_video_file']

NUM_JOINTS = POSETRACK17.num_joints


def make_frames(seed=0, num_videos=2, num_frames=12, noise=4.0, num_people=4):
    """Return frames in which predictions are noisy, lost, surplus and change identity."""
    rng = np.random.default_rng(seed)
    frames = []
    for video in range(num_videos):
        homes = rng.uniform(50, 150, (num_people, 1, 2))
        homes = homes + rng.uniform(-40, 40, (num_people, NUM_JOINTS, 2))
        identities = np.arange(num_people)
        for number in range(num_frames):
            if rng.random() < 0.4:
                identities = rng.permutation(identities)
                identities[0] = num_people + number
            homes = homes + rng.normal(0, 3, homes.shape)
            present, kept = (
                rng.permutation(num_people)[: rng.integers(least, num_people + 1)]
                for least in (1, 0)
            )
            frames.append(
                VideoFrame(
                    video=video,
                    truth=homes[present],
                    labelled=rng.random((len(present), NUM_JOINTS)) < 0.8,
                    head_sizes=np.full(len(present), 20.0),
                    truth_tracks=present,
                    results=homes[kept] + rng.normal(0, noise, (len(kept), NUM_JOINTS, 2)),
                    found=rng.random((len(kept), NUM_JOINTS)) < 0.9,
                    scores=rng.random((len(kept), NUM_JOINTS)),
                    result_tracks=identities[kept],
                )
            )
    return frames


def make_video_file(name='000001_mpii_test', num_frames=3, num_people=2, seed=0):
    """Return the content of an official annotation file; every joint but the ears is labelled."""
    rng = np.random.default_rng(seed)
    first = int(name[:6]) * 10_000 + 10_000_000_000
    images = [
        dict(id=first + t, file_name=f'images/val/{name}/{t:06}.jpg', is_labeled=True)
        for t in range(num_frames)
    ]
    annotations = []
    for image in images:
        for person in range(num_people):
            points = rng.integers(20, 200, (17, 2)) + 250 * person
            joints = np.concatenate([points, np.ones((17, 1), int)], axis=1)
            joints[3:5] = 0
            low, size = points.min(0), np.ptp(points, axis=0)
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=image['id'],
                    category_id=1,
                    track_id=person,
                    bbox=[*low.tolist(), *size.tolist()],
                    bbox_head=[*points[2].tolist(), 30, 40],
                    keypoints=joints.ravel().tolist(),
                    scores=[],
                )
            )
    category = dict(id=1, name='person', keypoints=list(POSETRACK18.joint_names))
    return dict(images=images, annotations=annotations, categories=[category])


def as_results(content, seed=0):
    """Return annotations as perfect predictions with random confidences."""
    content = copy.deepcopy(content)
    rng = np.random.default_rng(seed)
    for row in content['annotations']:
        joints = np.array(row['keypoints'], float).reshape(17, 3)
        joints[:, 2] *= rng.uniform(0.1, 1, 17)
        row['keypoints'] = joints.ravel().tolist()
        row['scores'] = joints[:, 2].tolist()
    return content
