"""The metric scores samples as the official tool scores the files that it writes."""

import json

import numpy as np
import pytest
from evaluation.metrics.samples import make_sample
from posetrack_videos import make_video_file

from posenas.evaluation import PoseTrack18Metric
from posenas.evaluation.posetrack import read_video_results, read_videos, video_content
from posenas.skeletons import COCO, MPII, POSETRACK18, match_joints
from posenas.utils import ConfigError, DataError

NAME = '000001_mpii_test'
COLUMNS = [f'{part} AP' for part in ('Head', 'Shou', 'Elb', 'Wri', 'Hip', 'Knee', 'Ankl')]


def build(ann_file, skeleton=POSETRACK18, **kwargs):
    metric = PoseTrack18Metric(ann_file, **kwargs)
    metric.dataset_meta = skeleton.metainfo()
    return metric


def evaluate(metric, samples):
    metric.process(None, samples)
    return metric.evaluate(len(samples))


@pytest.fixture
def ann_file(tmp_path):
    path = tmp_path / 'val' / f'{NAME}.json'
    path.parent.mkdir()
    path.write_text(json.dumps(make_video_file(NAME)))
    return path


def samples_of(ann_file, tracks=None, **changes):
    """Return perfect predictions with confidence 0.9."""
    samples = []
    for number, row in enumerate(json.loads(ann_file.read_text())['annotations']):
        joints = np.array(row['keypoints'], float).reshape(17, 3)
        joints[:, 2] *= 0.9
        meta = dict(changes)
        if tracks is not None:
            meta['track_id'] = tracks[number]
        samples.append(make_sample(number, row['image_id'], joints, **meta))
    return samples


def test_recorded_predictions_get_the_official_scores(golden_dir):
    folder = golden_dir / 'pipeline' / 'posetrack18_ap'
    expected = json.loads((folder / 'expected.json').read_text())['summary']
    samples = []
    for path in sorted((folder / 'pred').glob('*.json')):
        for row in json.loads(path.read_text())['annotations']:
            joints = np.reshape(row['keypoints'], (17, 3))
            samples.append(make_sample(len(samples), row['image_id'], joints))
    scores = evaluate(build(folder / 'gt', nms_mode='none'), samples)
    for name, value in expected.items():
        # Samples are in single precision.
        assert scores[f'posetrack18/{name}'] == pytest.approx(value, abs=1e-9), name
    assert scores['posetrack18/AP'] == scores['posetrack18/Total AP']


def test_perfect_predictions_score_100_under_the_published_keys(ann_file):
    scores = evaluate(build(ann_file.parent), samples_of(ann_file))
    assert scores == pytest.approx(
        dict.fromkeys((f'posetrack18/{name}' for name in (*COLUMNS, 'AP', 'Total AP')), 100)
    )


@pytest.mark.parametrize('place', ['prediction', 'box'])
def test_identities_give_tracking_scores(ann_file, place):
    tracks = [3, 4, 3, 4, 4, 3]  # exchanged in the last of three frames
    samples = samples_of(ann_file, tracks if place == 'box' else None)
    if place == 'prediction':
        for sample, track in zip(samples, tracks, strict=True):
            sample['pred_instances']['track_ids'] = np.array([track])
    scores = evaluate(build(ann_file), samples)
    assert scores['posetrack18/MOTA'] == pytest.approx(100 * (1 - 2 / 6))
    assert scores['posetrack18/MOTP'] == pytest.approx(100)
    assert scores['posetrack18/Wri MOTA'] == pytest.approx(scores['posetrack18/MOTA'])


def test_annotated_identities_are_no_predictions(ann_file):
    samples = samples_of(ann_file, [0, 1] * 3, raw_ann_info=dict(track_id=0))
    assert 'posetrack18/MOTA' not in evaluate(build(ann_file), samples)


def test_the_official_files_are_written_and_read(ann_file, tmp_path):
    metric = build(ann_file, outfile_prefix=tmp_path / 'out', format_only=True)
    samples = samples_of(ann_file)
    assert evaluate(metric, samples) == {}
    content = json.loads((tmp_path / 'out' / f'{NAME}.json').read_text())
    truth = json.loads(ann_file.read_text())
    assert [image['id'] for image in content['images']] == [i['id'] for i in truth['images']]
    assert content['categories'][0]['keypoints'] == list(POSETRACK18.joint_names)
    for found, row in zip(content['annotations'], truth['annotations'], strict=True):
        assert found['image_id'] == row['image_id']
        assert np.reshape(found['keypoints'], (17, 3))[:, :2].ravel().tolist() == pytest.approx(
            np.reshape(row['keypoints'], (17, 3))[:, :2].ravel().tolist()
        )
        assert found['scores'] == found['keypoints'][2::3]
        assert found['score'] == pytest.approx(0.9)
        assert found['track_id'] == row['track_id']
    videos = read_videos(ann_file.parent)
    assert len(read_video_results(tmp_path / 'out', videos, True)[0].image_ids) == 6


def test_duplicates_are_dropped(ann_file, tmp_path):
    samples = samples_of(ann_file)
    doubles = [dict(sample, id=sample['id'] + 100) for sample in samples]
    for mode, count in (('none', 12), ('oks_nms', 6)):
        metric = build(ann_file, nms_mode=mode, outfile_prefix=tmp_path)
        evaluate(metric, samples + doubles)
        content = json.loads((tmp_path / f'{NAME}.json').read_text())
        assert len(content['annotations']) == count


def test_a_merged_file_stands_for_the_folder_beside_it(ann_file, tmp_path):
    merged = tmp_path / 'posetrack18_val.json'
    merged.write_text('{}')
    assert build(merged).ann_file == ann_file.parent
    (tmp_path / 'train').mkdir()  # of pictures, say
    alone = tmp_path / 'posetrack18_train.json'
    alone.write_text(ann_file.read_text())
    assert [video.name for video in build(alone).videos] == [NAME]


def test_a_model_with_other_joints_is_scored_on_the_shared_ones(ann_file):
    def moved(skeleton):
        sources, targets = np.array(match_joints(POSETRACK18.joint_names, skeleton.joint_names)).T
        for sample in samples_of(ann_file):
            instances = sample['pred_instances']
            joints = np.zeros((skeleton.num_joints, 3))
            joints[targets, :2] = instances['keypoints'][0][sources]
            joints[targets, 2] = instances['keypoint_scores'][0][sources]
            yield make_sample(sample['id'], sample['img_id'], joints)

    for skeleton, shared in ((COCO, 13), (MPII, 14)):
        scores = evaluate(build(ann_file, skeleton), list(moved(skeleton)))
        assert scores['posetrack18/AP'] == pytest.approx(100 * shared / 15)


def test_frames_that_could_not_be_read_do_not_count(ann_file):
    samples = samples_of(ann_file)
    for sample in samples[:2]:
        sample['bad_sample'] = 'cut short'
    scores = evaluate(build(ann_file), samples)
    assert scores['posetrack18/AP'] == pytest.approx(100)
    assert scores['posetrack18/excluded'] == 2


def test_without_predictions_the_score_is_0(ann_file):
    metric = build(ann_file)
    assert metric.score([])['AP'] == 0


@pytest.mark.parametrize(
    ('arguments', 'text'),
    [
        (dict(ann_file=None), 'needs ann_file'),
        (dict(format_only=True), 'needs outfile_prefix'),
        (dict(score_mode='best'), 'score_mode must be one of'),
        (dict(nms_mode='hard'), 'nms_mode must be one of'),
    ],
)
def test_arguments_that_mean_nothing_are_refused(ann_file, arguments, text):
    with pytest.raises((ConfigError, ValueError), match=text):
        PoseTrack18Metric(**{'ann_file': ann_file, **arguments})


def test_samples_of_other_images_are_refused(ann_file):
    sample = make_sample(0, 5, np.zeros((17, 3)))
    with pytest.raises(DataError, match=r'image 5 of sample 0 must be a frame of .*test\.json'):
        build(ann_file).process(None, [sample])


def test_real_annotations_are_read(shared_dir):
    folder = shared_dir / 'data/posetrack18_mini/annotations'
    metric = build(folder / 'test_posetrack18_val.json')
    assert metric.ann_file == folder / 'val'
    assert sum(len(video.persons.image_ids) for video in metric.videos) == 14
    merged = read_videos(folder / 'test_posetrack18_val.json')
    for one, other in zip(merged, metric.videos, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one.persons.keypoints, other.persons.keypoints)
        assert all(map(len, one.polygons.values()))


def test_frames_nobody_looked_at_count_unless_told_otherwise(ann_file):
    samples = samples_of(ann_file)
    part = [sample for sample in samples if sample['img_id'] == samples[0]['img_id']]
    assert evaluate(build(ann_file.parent), part)['posetrack18/AP'] < 60
    assert evaluate(build(ann_file.parent, seen_only=True), part)['posetrack18/AP'] == 100


def test_the_first_identity_is_number_0(ann_file):
    tracks = [number % 2 for number in range(len(samples_of(ann_file)))]
    assert 'posetrack18/MOTA' in evaluate(build(ann_file), samples_of(ann_file, tracks))


def test_the_limbs_in_official_files_are_counted_from_one(ann_file):
    (video,) = read_videos(ann_file)
    (category,) = video_content(video.images, [])['categories']
    joints = category['keypoints']
    limbs = {(joints[i - 1], joints[j - 1]) for i, j in category['skeleton']}
    assert ('nose', 'head_top') in limbs
