"""What the inferencer gives back as objects and files, from all kinds of inputs."""

import csv
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from apis.spots import BOXES, PEOPLE, draw_spots
from PIL import Image

from posenas.apis import PoseInferencer
from posenas.apis.boxes import read_boxes
from posenas.apis.detection import DetectedPeople
from posenas.utils import ConfigError, DataError


@pytest.fixture(scope='module')
def inferencer(spot_config, spot_checkpoint):
    return PoseInferencer(spot_config, spot_checkpoint, device='cpu')


def walk(num_frames=6):
    """Frames of two people who walk to the right, three pixels a frame."""
    for frame in range(num_frames):
        yield draw_spots(PEOPLE + np.float32([3 * frame, 0]))


def walk_boxes(num_frames=6):
    return [BOXES + np.float32([3, 0, 3, 0]) * frame for frame in range(num_frames)]


def test_a_result_is_an_object_with_arrays_a_picture_and_files(inferencer, image_folder, tmp_path):
    (found,) = inferencer.predict(image_folder / 'a.png', bboxes=BOXES, kpt_thr=0.1)
    assert len(found) == 2
    assert found.keypoints.shape == (2, 3, 2)
    assert np.abs(found.keypoints - PEOPLE).max() < 8
    assert found.scores.shape == (2, 3)
    np.testing.assert_allclose(found.bboxes, BOXES)
    assert found.bbox_scores.tolist() == [1, 1]
    assert found.names == ('blue', 'green', 'red')
    assert (found.image_name, found.frame_id, found.track_ids) == ('a.png', 0, [None, None])
    assert (found.plot() != found.image[..., ::-1]).any()
    assert (found.plot(draw_bbox=True) != found.plot()).any()
    for name in ('found.json', 'found.csv', 'found.png'):
        found.save(tmp_path / name)
    assert json.loads((tmp_path / 'found.json').read_text()) == found.to_dict()
    picture = cv2.imread(str(tmp_path / 'found.png'))
    np.testing.assert_array_equal(picture[..., ::-1], found.plot())
    with pytest.raises(ValueError, match='suffix'):
        found.save(tmp_path / 'found.gif')


def test_an_image_without_people_gives_empty_arrays(inferencer, spot_image):
    (found,) = inferencer.predict(spot_image, bboxes=[])
    assert found.keypoints.shape == (0, 3, 2)
    assert found.scores.shape == (0, 3)
    assert found.bboxes.shape == (0, 4)
    assert found.to_dict()['instances'] == []


def test_all_forms_of_one_picture_give_the_same(inferencer, spot_image, image_folder):
    rgb = np.ascontiguousarray(spot_image[..., ::-1])
    forms = [
        (spot_image, False),
        (rgb, True),
        (Image.fromarray(rgb), False),
        (str(image_folder / 'a*.png'), False),
        (iter([spot_image]), False),
        (iter([rgb]), True),
    ]
    found = [next(inferencer.predict(each, bboxes=BOXES, rgb=is_rgb)) for each, is_rgb in forms]
    for each in found[1:]:
        np.testing.assert_array_equal(each.keypoints, found[0].keypoints)


def test_pillows_pictures_are_turned_as_they_say(inferencer):
    image = Image.fromarray(np.zeros((20, 40, 3), np.uint8))
    image.getexif()[0x0112] = 6  # turned by a quarter
    (found,) = inferencer.predict(image)
    assert found.image.shape == (40, 20, 3)


def test_coco_and_csv_hold_all_inputs_and_the_numbers_of_images(inferencer, tmp_path):
    for number in (7, 12):
        cv2.imwrite(str(tmp_path / f'{number:012d}.png'), draw_spots())
    options = dict(bboxes=BOXES, pred_out_dir=tmp_path / 'out', pred_formats=['coco', 'csv'])
    results = list(inferencer.predict(tmp_path, batch_size=2, **options))
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == [
        'keypoints.csv',
        'results.keypoints.json',
    ]
    records = json.loads((tmp_path / 'out/results.keypoints.json').read_text())
    assert [record['image_id'] for record in records] == [7, 7, 12, 12]
    points = np.array(records[1]['keypoints']).reshape(3, 3)
    np.testing.assert_allclose(points[:, :2], results[0].keypoints[1], atol=1e-3)
    x, y, width, height = records[0]['bbox']
    np.testing.assert_allclose([x, y, x + width, y + height], BOXES[0])
    with open(tmp_path / 'out/keypoints.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['image'] for row in rows] == ['000000000007.png'] * 2 + ['000000000012.png'] * 2
    assert float(rows[3]['green_x']) == pytest.approx(results[1].keypoints[1, 1, 0], abs=0.01)


def test_numbers_of_images_are_those_of_the_file_with_the_boxes(inferencer, tmp_path):
    images = {'b.png': 31, 'sub/a.png': 5, '3.png': 9}
    for name in images:
        (tmp_path / 'in' / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / 'in' / name), draw_spots())
    x1, y1, x2, y2 = map(float, BOXES[0])
    content = dict(
        images=[dict(id=number, file_name=name) for name, number in images.items()],
        annotations=[
            dict(image_id=number, bbox=[x1, y1, x2 - x1, y2 - y1]) for number in (31, 5, 9)
        ],
    )
    (tmp_path / 'boxes.json').write_text(json.dumps(content))
    boxes = read_boxes(tmp_path / 'boxes.json')
    options = dict(bboxes=boxes, pred_out_dir=tmp_path / 'out', pred_formats=['coco'])
    paths = [tmp_path / 'in' / name for name in images]
    list(inferencer.predict(paths, **options))
    records = json.loads((tmp_path / 'out/results.keypoints.json').read_text())
    assert [record['image_id'] for record in records] == [31, 5, 9]


def test_frames_of_an_iterator_become_a_video(inferencer, tmp_path):
    results = list(inferencer.predict(walk(), bboxes=walk_boxes(), out_dir=tmp_path, track=True))
    assert [found.frame_id for found in results] == list(range(6))
    assert [found.track_ids for found in results] == [[0, 1]] * 6
    content = json.loads((tmp_path / 'predictions/frames.json').read_text())
    assert len(content['instance_info']) == 6
    video = cv2.VideoCapture(str(tmp_path / 'visualizations/frames.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    assert inferencer.report.summary() == (
        '6 images, 12 people, 2 tracks; of 1 inputs (1 of them videos) 1 processed'
    )


@pytest.mark.parametrize('smooth', ['online', 'offline'])
def test_smoothing_keeps_frames_and_lessens_jitter(inferencer, smooth):
    options = dict(bboxes=walk_boxes(), kpt_thr=0.01)
    frames = [draw_spots(PEOPLE + np.float32([3 * i + 4 * (i % 2), 0])) for i in range(6)]
    raw = list(inferencer.predict(iter(frames), **options))
    smoothed = list(inferencer.predict(iter(frames), smooth=smooth, batch_size=4, **options))
    assert [found.frame_id for found in smoothed] == list(range(6))
    before, after = (meter.mean for meter in inferencer.report.jitter)
    assert after < before
    for one, other in zip(raw, smoothed, strict=True):
        np.testing.assert_array_equal(one.scores, other.scores)
        assert np.abs(one.keypoints - other.keypoints).max() < 6


def test_what_was_found_before_ctrl_c_is_whole(inferencer, tmp_path):
    def interrupt():
        yield from walk(3)
        raise KeyboardInterrupt

    options = dict(bboxes=BOXES, out_dir=tmp_path, pred_formats=['json', 'coco', 'csv'])
    with pytest.raises(KeyboardInterrupt):
        list(inferencer.predict(interrupt(), **options))
    assert len(json.loads((tmp_path / 'predictions/frames.json').read_text())['instance_info']) == 3
    assert len(json.loads((tmp_path / 'predictions/results.keypoints.json').read_text())) == 6
    assert len((tmp_path / 'predictions/keypoints.csv').read_text().splitlines()) == 7
    video = cv2.VideoCapture(str(tmp_path / 'visualizations/frames.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert not list(tmp_path.rglob('.*'))


def test_stop_finishes_what_was_read_and_counts_the_rest(inferencer, spot_image):
    seen = []
    for found in inferencer.predict([spot_image] * 40, bboxes=BOXES):
        seen.append(found)
        inferencer.stop()
    assert 1 <= len(seen) < 40
    report = inferencer.report
    assert report.is_stopped
    assert report.num_looked + report.num_left == 40
    assert f'{len(seen)} processed, {40 - len(seen)} not reached' in report.summary()


def test_every_input_is_accounted_for(inferencer, image_folder, video_file):
    inputs = [image_folder, video_file, 'http://127.0.0.1:9/a.jpg']
    list(inferencer.predict(inputs, bboxes=BOXES))
    report = inferencer.report
    assert (
        report.summary()
    ) == '5 images, 10 people; of 5 inputs (1 of them videos) 3 processed, 2 skipped'
    assert [path for path, _ in report.bad_inputs][1] == 'http://127.0.0.1:9/a.jpg'


class FakeDetector:
    """Finds the people of :func:`walk` by the blue spot, and counts how often."""

    calls = 0

    def __init__(self, model, score_thr=None):
        pass

    def __call__(self, images):
        for image in images:
            type(self).calls += 1
            x = np.flatnonzero((image[..., 0] > 200).any(0))[0] - 27
            yield DetectedPeople(BOXES + np.float32([x, 0, x, 0]), np.float32([0.9, 0.8]))


@pytest.fixture
def detecting(inferencer, monkeypatch):
    monkeypatch.setattr('posenas.apis.detection.PeopleDetector', FakeDetector)
    monkeypatch.setattr(inferencer, 'detector', SimpleNamespace())
    monkeypatch.setattr(FakeDetector, 'calls', 0)
    return inferencer


def test_a_detector_finds_the_boxes_where_none_are_given(detecting):
    found = list(detecting.predict(walk(), batch_size=4))
    assert [len(each) for each in found] == [2] * 6
    assert found[0].bbox_scores.tolist() == pytest.approx([0.9, 0.8])
    assert FakeDetector.calls == 6
    list(detecting.predict(walk(), bboxes=BOXES))
    assert FakeDetector.calls == 6


def test_between_detections_boxes_come_from_poses(detecting):
    found = list(detecting.predict(walk(9), detect_every=4, kpt_thr=0.01, batch_size=3))
    assert FakeDetector.calls == 3
    for frame, each in enumerate(found):
        assert np.abs(each.keypoints - (PEOPLE + np.float32([3 * frame, 0]))).max() < 8
    assert 'one of 4 frames' in detecting.report.lines()[0]
    list(detecting.predict(walk(12), detect_every='auto', kpt_thr=0.01))
    assert detecting.report.detect_every >= 1


def test_options_that_contradict_each_other_are_refused(inferencer, spot_image):
    with pytest.raises(ConfigError, match='detect_every must be 1'):
        inferencer.predict(spot_image, detect_every=3)
    with pytest.raises(ValueError, match='detect_every'):
        inferencer.predict(spot_image, detect_every=0)
    with pytest.raises(TypeError, match='drawbox'):
        inferencer.predict(spot_image, drawbox=True)
    with pytest.raises(DataError, match='must be reachable'):
        list(inferencer.predict('http://127.0.0.1:9/a.jpg'))
