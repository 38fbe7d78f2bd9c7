"""Clips of tracks: who follows whom, and what is common to the frames."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from posenas.datasets import ClipDataset, EpochIndex, VideoSampler
from posenas.datasets.persons import ImageTable
from posenas.datasets.tracks import _locate
from posenas.models import PoseDataPreprocessor
from posenas.skeletons import get_skeleton
from posenas.utils import ConfigError, DataError

CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2)
PLAIN = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=(48, 64)),
    dict(type='PackPoseInputs'),
]
RANDOM = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip'),
    dict(type='RandomHalfBody', prob=1.0),
    dict(type='RandomBBoxTransform', rotate_prob=1.0, shift_prob=1.0),
    dict(type='FrameJitter'),
    dict(type='TopdownAffine', input_size=(48, 64)),
    dict(type='GenerateTarget', encoder=CODEC),
    dict(type='PackPoseInputs'),
]


def write_video(folder, people, num_frames=6, keys=('vid_id', 'frame_id', 'track_id'), skip=()):
    """Write one folder of pictures per video and a file.

    Args:
        people: (video, track) -> frames in which that person is; it moves 2 pixels per frame.
        keys: Names under which the file says video, frame and track; others are left out.
        skip: (video, frame) that are listed without people.
    """
    names = get_skeleton('coco').joint_names
    images, annotations = [], []
    rng = np.random.default_rng(0)
    poses = {who: rng.integers(10, 60, (17, 2)) for who in people}
    for video in sorted({video for video, _ in people}):
        (folder / f'v{video}').mkdir(parents=True, exist_ok=True)
        for frame in range(num_frames):
            name = f'v{video}/{frame:06d}.png'
            picture = rng.integers(0, 255, (80, 96, 3)).astype(np.uint8)
            cv2.imwrite(str(folder / name), picture)
            image = dict(id=len(images) + 1, file_name=name, width=96, height=80)
            place = dict(vid_id=f'{video:06d}', video_id=video, frame_id=100 + frame)
            image.update({key: place[key] for key in keys if key in place})
            images.append(image)
            for (owner, track), frames in people.items():
                if owner != video or frame not in frames or (video, frame) in skip:
                    continue
                pose = poses[owner, track] + (2 * frame, 0)
                low, size = pose.min(0), np.ptp(pose, axis=0)
                row = dict(
                    id=len(annotations) + 1,
                    image_id=image['id'],
                    category_id=1,
                    bbox=[*low.tolist(), *size.tolist()],
                    keypoints=np.column_stack([pose, np.full(17, 2)]).ravel().tolist(),
                    num_keypoints=17,
                )
                if 'track_id' in keys:
                    row['track_id'] = track
                annotations.append(row)
    category = dict(id=1, name='person', keypoints=list(names))
    content = dict(images=images, annotations=annotations, categories=[category])
    (folder / 'people.json').write_text(json.dumps(content))


def build(folder, pipeline=PLAIN, test_mode=False, kind='CocoDataset', bbox_file=None, **settings):
    people = dict(
        type=kind,
        data_root=str(folder),
        ann_file='people.json',
        pipeline=pipeline,
        test_mode=test_mode,
        bbox_file=bbox_file,
    )
    return ClipDataset(people, **settings)


def places(dataset):
    """(video, track, frame) of every frame of every sample."""
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    samples = [s if isinstance(s, list) else [s] for s in samples]
    return [[(s.video_id, s.track_id, s.frame_id - 100) for s in clip] for clip in samples]


@pytest.mark.parametrize('keys', [('vid_id', 'frame_id', 'track_id'), ('video_id', 'track_id')])
def test_clips_are_frames_of_one_track_that_follow_each_other(tmp_path, keys):
    write_video(tmp_path, {(0, 7): range(6), (0, 3): (0, 1, 3, 4, 5), (1, 7): (2, 3)}, keys=keys)
    dataset = build(tmp_path, length=3)
    offset = 0 if 'frame_id' in keys else 100
    found = [[(v, t, f + offset) for v, t, f in clip] for clip in places(dataset)]
    assert found == [
        [(0, 7, 0), (0, 7, 1), (0, 7, 2)],
        [(0, 7, 1), (0, 7, 2), (0, 7, 3)],
        [(0, 7, 2), (0, 7, 3), (0, 7, 4)],
        [(0, 3, 3), (0, 3, 4), (0, 3, 5)],
        [(0, 7, 3), (0, 7, 4), (0, 7, 5)],
    ]
    longer = build(tmp_path, length=3, max_gap=2)
    assert [(0, 3, 0), (0, 3, 1), (0, 3, 3)] in [
        [(v, t, f + offset) for v, t, f in clip] for clip in places(longer)
    ]


def test_frames_without_labels_are_passed_with_weight_nought_and_the_last_box(tmp_path):
    skip = [(0, 1), (0, 2)]
    write_video(tmp_path, {(0, 7): range(5), (0, 3): (0, 4)}, num_frames=5, skip=skip)
    dataset = build(tmp_path, RANDOM[:2] + RANDOM[-3:], length=4)
    clips = [dataset[i]['data_samples'] for i in range(len(dataset))]
    assert [[s.frame_id - 100 for s in clip] for clip in clips] == [[0, 1, 2, 3]]
    weights = [bool(s.gt_instance_labels.keypoint_weights.any()) for s in clips[0]]
    assert weights == [True, False, False, True]
    boxes = [s.gt_instances.bboxes[0].tolist() for s in clips[0]]
    assert boxes[0] == boxes[1] == boxes[2] != boxes[3]
    assert {s.track_id for s in clips[0]} == {7}  # track 3 is missing where 7 is labelled
    ids = dataset.persons.ids
    assert len(np.unique(ids)) == len(ids)
    with pytest.raises(DataError, match='4 frames that follow'):
        build(tmp_path, length=4, fill=1)


def test_people_come_frame_by_frame_for_tests(tmp_path):
    write_video(tmp_path, {(1, 2): (0, 1), (0, 5): (1, 2), (0, 1): (0, 1, 2)})
    dataset = build(tmp_path, test_mode=True)
    order = [(v, f) for ((v, _, f),) in places(dataset)]
    assert order == [(0, 0), (0, 1), (0, 1), (0, 2), (0, 2), (1, 0), (1, 1)]
    assert dataset.videos.tolist() == [0] * 5 + [1] * 2
    sampler = VideoSampler(dataset)
    assert list(sampler) == list(range(7))
    with pytest.raises(ConfigError, match='length=None'):
        VideoSampler(build(tmp_path, length=2))


def test_several_processes_get_whole_videos(tmp_path, monkeypatch):
    write_video(tmp_path, {(v, 1): (0, 1) for v in range(3)})
    dataset = build(tmp_path, test_mode=True)
    shares = []
    for rank in range(2):
        monkeypatch.setattr('posenas.datasets.video_sampler.get_dist_info', lambda r=rank: (r, 2))
        shares.append(list(VideoSampler(dataset)))
    assert shares == [[0, 1, 4, 5], [2, 3]]


def test_the_draws_are_common_to_a_clip_and_differ_between_clips_and_epochs(tmp_path):
    write_video(tmp_path, {(0, 7): range(6)})
    still = [step for step in RANDOM if step['type'] != 'FrameJitter']
    dataset = build(tmp_path, still, length=3)
    dataset.seed = 3

    def crops(index, epoch):
        clip = dataset[EpochIndex(index, epoch)]['data_samples']
        # relative to boxes that move by 2 pixels, all crops of a clip are the same
        return [
            (s.flip, *np.round(np.array(s.input_center) - s.gt_instances.bboxes[0, :2], 3),
             *np.round(s.input_scale, 3), *np.round(np.array(s.warp_mat)[:, :2].ravel(), 5))
            for s in clip
        ]  # fmt: skip

    kinds = set()
    for epoch in range(6):
        one = crops(0, epoch)
        assert one[0] == one[1] == one[2]
        assert one != crops(1, epoch)
        kinds.add(one[0])
    assert len(kinds) == 6
    assert {kind[0] for kind in kinds} == {True, False}
    assert crops(0, 2) == crops(0, 2)


def test_half_bodies_stay_half_where_a_frame_has_no_labels(tmp_path):
    write_video(tmp_path, {(0, 7): range(3)}, num_frames=3, skip=[(0, 1)])
    half = [RANDOM[0], RANDOM[1], RANDOM[3], *RANDOM[-3:]]
    dataset = build(tmp_path, half, length=3)
    plain = build(tmp_path, PLAIN, length=3)[0]['data_samples']
    cut = dataset[0]['data_samples']
    factors = [np.array(a.input_scale) / b.input_scale for a, b in zip(cut, plain, strict=True)]
    assert np.allclose(factors, factors[0])
    assert not np.allclose(factors[0], 1)


def test_jitter_moves_each_frame_on_its_own(tmp_path):
    write_video(tmp_path, {(0, 7): range(3)}, num_frames=3)
    pipeline = [*PLAIN[:2], dict(type='FrameJitter', factor=0.02), *PLAIN[2:]]
    moved, plain = (build(tmp_path, p, length=3)[0]['data_samples'] for p in (pipeline, PLAIN))
    offsets = np.array(
        [
            (np.array(a.input_center) - b.input_center) / b.gt_instances.bbox_scales[0]
            for a, b in zip(moved, plain, strict=True)
        ]
    )
    assert 0 < np.abs(offsets).max() <= 0.0201
    assert len(np.unique(offsets.round(5))) == 6


def test_a_batch_of_clips_becomes_one_of_frames_in_their_order(tmp_path):
    write_video(tmp_path, {(0, 7): range(4)}, num_frames=4)
    dataset = build(tmp_path, length=2)
    batch = PoseDataPreprocessor()(pseudo_collate([dataset[0], dataset[1]]))
    assert batch['inputs'].shape == (4, 3, 64, 48)
    assert [s.clip_frame for s in batch['data_samples']] == [0, 0, 1, 1]
    assert [s.frame_id - 100 for s in batch['data_samples']] == [0, 1, 1, 2]
    assert torch.equal(batch['inputs'][1], batch['inputs'][2])


def test_videos_are_divided_as_wholes(tmp_path):
    write_video(tmp_path, {(v, 1): (0, 1) for v in range(5)})
    parts = [
        build(tmp_path, video_subset=dict(seed=0, **share))
        for share in (dict(stop=0.2), dict(start=0.2))
    ]
    videos = [set(part.videos.tolist()) for part in parts]
    assert [len(v) for v in videos] == [1, 4]
    assert videos[0] | videos[1] == set(range(5))


def test_detected_people_are_followed_by_their_boxes(tmp_path):
    write_video(tmp_path, {(0, 5): range(6), (0, 7): range(6)})
    content = json.loads((tmp_path / 'people.json').read_text(encoding='utf-8'))
    places = {image['id']: image for image in content['images']}
    paths = {0: (10, 10), 1: (60, 30)}  # two people, who move by two pixels a frame
    boxes = [
        dict(image_id=image, category_id=1, bbox=[x + 2 * t, y, 20, 40], score=0.9 - 0.1 * who)
        for image, place in places.items()
        if (t := place['frame_id'] - 100) != 3
        for who, (x, y) in list(paths.items())[:: 1 if t % 2 else -1]
    ]
    boxes.append(dict(image_id=5, category_id=1, bbox=[0, 60, 15, 15], score=0.5))
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes), encoding='utf-8')
    data = build(tmp_path, bbox_file=str(tmp_path / 'boxes.json'), test_mode=True)
    tracks = {}
    for row in range(len(data)):
        sample = data[row]['data_samples']
        x = float(sample.gt_instances.bboxes[0, 0]) - 2 * (sample.frame_id - 100)
        tracks.setdefault(sample.track_id, []).append((sample.frame_id - 100, round(x)))
    # nobody is found in frame 3, so everybody begins anew
    wanted = [[(t, x) for t in part] for part in ((0, 1, 2), (4, 5)) for x in (10, 60)]
    assert sorted(tracks.values()) == sorted([*wanted, [(4, -8)]])


def test_single_people_need_no_track_and_groups_do(tmp_path):
    write_video(tmp_path, {(0, 7): range(3)}, keys=('vid_id', 'frame_id'))
    assert len(build(tmp_path, length=3)) == 1
    assert len(build(tmp_path, kind='JhmdbDataset', length=3)) == 1
    write_video(tmp_path / 'b', {(0, 7): range(3), (0, 8): (1,)}, keys=('vid_id', 'frame_id'))
    with pytest.raises(DataError, match='must have track_id'):
        build(tmp_path / 'b', length=3)


@pytest.mark.parametrize('policy', ['replace', 'skip', 'fail'])
def test_a_clip_with_a_broken_frame_is_treated_as_a_bad_sample(tmp_path, policy):
    write_video(tmp_path, {(0, 7): range(4)}, num_frames=4)
    (tmp_path / 'v0/000003.png').write_bytes(b'no picture')
    dataset = build(tmp_path, length=2)
    dataset.dataset.bad_sample_policy = policy
    if policy == 'fail':
        with pytest.raises(DataError):
            dataset[2]
        return
    clip = dataset[2]
    assert [s.clip_frame for s in clip['data_samples']] == [0, 1]
    if policy == 'skip':
        assert all('bad_sample' in s for s in clip['data_samples'])
        assert not torch.stack(clip['inputs']).any()
    else:
        assert clip['data_samples'][0].frame_id < 102
    assert [bad['index'] for bad in dataset.bad_samples] == [3]


def test_what_is_no_data_set_of_people_is_refused(tmp_path):
    write_video(tmp_path, {(0, 7): range(2)})
    people = dict(type='CocoDataset', data_root=str(tmp_path), ann_file='people.json')
    with pytest.raises(ConfigError, match='data set of people'):
        ClipDataset(dict(type='ConcatDataset', datasets=[people]))


def test_the_last_number_of_a_name_is_the_frame():
    names = [f'v/cam1_{number}.jpg' for number in (9, 10, 11)]
    images = ImageTable(np.arange(3), names, np.zeros((3, 2)))
    videos, frames = _locate(images, 'a.json')
    assert (videos.tolist(), frames.tolist()) == ([0, 0, 0], [9, 10, 11])
    images = ImageTable(np.arange(2), ['v/1.jpg', 'v/last.jpg'], np.zeros((2, 2)))
    with pytest.raises(DataError, match='named by their number, got v/last'):
        _locate(images, 'a.json')
