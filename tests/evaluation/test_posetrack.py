"""PoseTrack's files: what is read of them, and what is refused by file, entry and key."""

import copy
import json
import random

import numpy as np
import pytest
from posetrack_videos import as_results, make_video_file

from posenas.evaluation.functional import collect_detections, count_tracks
from posenas.evaluation.posetrack import (
    pair_frames,
    read_video_results,
    read_videos,
    summarise,
)
from posenas.skeletons import COCO, POSETRACK17, POSETRACK18, match_joints
from posenas.utils.errors import DataError, PoseNASError

NAMES = ('000001_mpii_test', '000002_mpii_test')


@pytest.fixture
def files(tmp_path):
    """Annotations of two videos and perfect predictions, in their folders."""
    for folder in ('gt', 'pred'):
        (tmp_path / folder).mkdir()
    for number, name in enumerate(NAMES):
        truth = make_video_file(name, seed=number)
        write(tmp_path / 'gt', truth, name)
        write(tmp_path / 'pred', as_results(truth), name)
    return tmp_path


def write(folder, content, name=NAMES[0]):
    (folder / f'{name}.json').write_text(json.dumps(content))


def load(folder, name=NAMES[0]):
    return json.loads((folder / f'{name}.json').read_text())


def evaluate(folder, truth='gt', tracking=True):
    videos = read_videos(folder / truth, tracking)
    frames = pair_frames(videos, read_video_results(folder / 'pred', videos, tracking))
    counts = count_tracks(frames, len(videos)) if tracking else None
    return summarise(collect_detections(frames, len(videos)), counts)


def test_perfect_files_score_100(files):
    scores = evaluate(files)
    assert scores == pytest.approx(dict.fromkeys(scores, 100))
    assert {'Head AP', 'Ankl AP', 'Total AP', 'Wri MOTA', 'Total MOTP'} <= scores.keys()
    assert not any('MOT' in name for name in evaluate(files, tracking=False))


def test_one_merged_file_is_the_same_as_one_per_video(files):
    first, second = (load(files / 'gt', name) for name in NAMES)
    for key in ('images', 'annotations'):
        first[key] = second[key][::-1] + first[key][::-1]
    (files / 'merged.json').write_text(json.dumps(first))
    swap_identities(files)
    scores = evaluate(files)
    assert evaluate(files, 'merged.json') == pytest.approx(scores)
    assert scores['Total MOTA'] < 100


def swap_identities(files):
    """Exchange the predicted identities of two people in the last frame of the first video."""
    content = load(files / 'pred')
    last = content['annotations'][-2:]
    last[0]['track_id'], last[1]['track_id'] = last[1]['track_id'], last[0]['track_id']
    write(files / 'pred', content)


def test_two_switches_among_twelve_persons_cost_a_sixth(files):
    swap_identities(files)
    scores = evaluate(files)
    assert scores['Total MOTA'] == pytest.approx(100 * (1 - 2 / 12))
    assert scores['Total AP'] == pytest.approx(100)
    assert scores['Total MOTP'] == pytest.approx(100)


@pytest.mark.parametrize('skeleton', [COCO, POSETRACK17, POSETRACK18], ids=lambda s: s.name)
@pytest.mark.parametrize('is_named', [True, False])
def test_results_may_have_other_joints_or_orders(files, skeleton, is_named):
    pairs = match_joints(POSETRACK18.joint_names, skeleton.joint_names)
    for name in NAMES:
        content = load(files / 'pred', name)
        for row in content['annotations']:
            joints = np.array(row['keypoints']).reshape(17, 3)
            moved = np.zeros((skeleton.num_joints, 3))
            for source, target in pairs:
                moved[target] = joints[source]
            row.update(keypoints=moved.ravel().tolist())
            del row['scores']
        content['categories'] = [dict(id=1, keypoints=list(skeleton.joint_names))] * is_named
        write(files / 'pred', content, name)
    scores = evaluate(files, tracking=False)
    if skeleton is COCO and is_named:
        # Neck and top of the head are missing; of the head remains the nose.
        assert scores['Total AP'] == pytest.approx(100 * 13 / 15)
        assert scores['Head AP'] == pytest.approx(100 / 3)
    elif skeleton is not COCO:
        assert scores == pytest.approx(dict.fromkeys(scores, 100))


def test_what_lies_in_ignored_regions_does_not_count(files):
    truth = load(files / 'gt')
    everything = [-1, 9999, 9999, -1], [-1, -1, 9999, 9999]
    for axis, values in zip('xy', everything, strict=True):
        truth['images'][0][f'ignore_regions_{axis}'] = [values]
    write(files / 'gt', truth)
    predictions = load(files / 'pred')
    for row in predictions['annotations'][:2]:
        row['keypoints'] = (np.array(row['keypoints']) + 60).tolist()
    write(files / 'pred', predictions)
    scores = evaluate(files)
    assert scores == pytest.approx(dict.fromkeys(scores, 100))


def test_frames_without_annotated_persons_do_not_count(files):
    truth = load(files / 'gt')
    first = truth['images'][0]['id']
    truth['annotations'] = [row for row in truth['annotations'] if row['image_id'] != first]
    write(files / 'gt', truth)
    scores = evaluate(files)
    assert scores == pytest.approx(dict.fromkeys(scores, 100))


def test_unlabelled_videos_need_no_annotations(files):
    truth = load(files / 'gt')
    del truth['annotations']
    write(files / 'gt', truth)
    with pytest.raises(DataError, match=r"test\.json must be an object with 'images' and 'annot"):
        read_videos(files / 'gt')
    for image in truth['images']:
        image['is_labeled'] = False
    write(files / 'gt', truth)
    videos = read_videos(files / 'gt')
    assert [len(video.persons.image_ids) for video in videos] == [0, 6]
    with pytest.raises(DataError, match='in at least one frame'):
        pair_frames(videos[:1], [videos[0].persons])


def change(content, part, row, key, value):
    if value is KeyError:
        del content[part][row][key]
    else:
        content[part][row][key] = value


@pytest.mark.parametrize(
    ('part', 'key', 'value', 'text'),
    [
        ('annotations', 'bbox_head', KeyError, 'bbox_head .* required'),
        ('annotations', 'bbox_head', [1, 2, 3], 'bbox_head .* 4 finite numbers'),
        ('annotations', 'keypoints', [1] * 48, 'keypoints .* 51 finite numbers'),
        ('annotations', 'keypoints', [None] * 51, 'keypoints .* 51 finite numbers'),
        ('annotations', 'image_id', 7, 'image_id .* be a frame of the annotated video'),
        ('annotations', 'track_id', KeyError, 'track_id .* required'),
        ('annotations', 'track_id', 0, 'track_id .* once in its frame'),
        ('annotations', 'track_id', 'a', 'track_id .* an integer'),
        ('images', 'file_name', KeyError, 'file_name .* required'),
        ('images', 'id', 10_000_010_000, r'images\[\]\.id must differ'),
        ('images', 'ignore_regions_x', [[1, 2, 3]], 'ignore_regions_x .* polygons'),
    ],
)
def test_malformed_annotations_are_named(files, part, key, value, text):
    content = load(files / 'gt')
    change(content, part, 1, key, value)
    write(files / 'gt', content)
    with pytest.raises(DataError, match=rf'000001_mpii_test\.json: .*{text}'):
        read_videos(files / 'gt', with_tracks=True)


@pytest.mark.parametrize(
    ('key', 'value', 'text'),
    [
        ('keypoints', [float('nan')] * 51, r'annotations\[1\]\.keypoints .* finite'),
        ('keypoints', KeyError, r'annotations\[1\]\.keypoints .* required'),
        ('scores', [1], r'annotations\[1\]\.scores .* 17 finite numbers'),
        ('image_id', 3, r'annotations\[1\]\.image_id .* frame of the annotated video'),
        ('track_id', KeyError, r'annotations\[1\]\.track_id .* required'),
    ],
)
def test_malformed_results_are_named(files, key, value, text):
    videos = read_videos(files / 'gt')
    content = load(files / 'pred')
    change(content, 'annotations', 1, key, value)
    write(files / 'pred', content)
    with pytest.raises(DataError, match=rf'pred/000001_mpii_test\.json: {text}'):
        read_video_results(files / 'pred', videos, with_tracks=True)


@pytest.mark.parametrize(
    ('names', 'text'),
    [
        (['left_thumb', 'right_thumb'], 'must name keypoints of PoseTrack'),
        ('nose', 'must list keypoint names'),
    ],
)
def test_joints_that_are_none_of_posetrack_are_refused(files, names, text):
    content = load(files / 'pred')
    content['categories'] = [dict(id=1, keypoints=names)]
    write(files / 'pred', content)
    with pytest.raises(DataError, match=rf'pred/000001_mpii_test\.json: .*{text}'):
        evaluate(files)


def test_a_missing_file_of_results_is_refused(files):
    (files / 'pred' / f'{NAMES[1]}.json').unlink()
    with pytest.raises(DataError, match=r'pred/000002_mpii_test\.json must exist'):
        evaluate(files)
    (files / 'empty').mkdir()
    with pytest.raises(DataError, match='empty must hold the files of PoseTrack'):
        read_videos(files / 'empty')


def test_mutated_files_end_in_our_errors_or_in_scores(files):
    """No other exception, and no score outside its range."""
    rng = random.Random(0)  # noqa: S311
    originals = {folder: load(files / folder) for folder in ('gt', 'pred')}
    junk = (None, -1, 'x', [], {}, float('inf'), 1e40, True, [[1]], 2**70)
    messages = []
    for number in range(400):
        folder = ('gt', 'pred')[number % 2]
        content = copy.deepcopy(originals[folder])
        target = rng.choice(rng.choice([content['images'], content['annotations'], [content]]))
        key = rng.choice(sorted(target))
        if rng.random() < 0.2:
            del target[key]
        else:
            target[key] = rng.choice(junk)
        write(files / folder, content)
        try:
            assert all(value <= 100 for value in evaluate(files).values())
        except PoseNASError as error:
            messages.append((f'{folder}/{NAMES[0]}.json', str(error)))
        write(files / folder, originals[folder])
    assert len(messages) > 150
    assert all(file in message for file, message in messages)
