"""PoseInferencer: inputs, results, files."""

import json

import cv2
import numpy as np
import pytest
from apis.spots import BOXES, PEOPLE, draw_spots
from PIL import Image

from posenas.apis import MMPoseInferencer, PoseInferencer, PoseNASInferencer
from posenas.apis.inference import Crops
from posenas.registry import INFERENCERS
from posenas.structures import PoseDataSample
from posenas.utils import DataError, OutputError

TOLERANCE = 8


@pytest.fixture(scope='module')
def inferencer(spot_config, spot_checkpoint):
    return PoseInferencer(spot_config, spot_checkpoint, device='cpu')


def run(inferencer, inputs, **options):
    """All predictions of a call, image by image."""
    return [people for result in inferencer(inputs, **options) for people in result['predictions']]


def assert_plain(value):
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            assert_plain(item)
    else:
        assert type(value) in (str, int, float, bool, type(None))


def test_the_class_has_the_names_that_users_know():
    assert MMPoseInferencer is PoseNASInferencer is PoseInferencer
    assert INFERENCERS.get('MMPoseInferencer') is PoseInferencer


def test_result_has_the_published_form_in_plain_values(inferencer, spot_image):
    result = next(inferencer(spot_image, bboxes=BOXES, return_vis=True))
    assert set(result) == {'predictions', 'visualization'}
    assert_plain(result['predictions'])
    (people,) = result['predictions']
    assert [set(person) for person in people] == [
        {'keypoints', 'keypoint_scores', 'bbox', 'bbox_score'}
    ] * 2
    assert np.abs(np.array([person['keypoints'] for person in people]) - PEOPLE).max() < TOLERANCE
    assert people[0]['bbox'] == [BOXES[0].tolist()]
    assert people[0]['bbox_score'] == 1.0
    (picture,) = result['visualization']
    assert picture.shape == spot_image.shape
    assert picture.dtype == np.uint8


def test_pictures_are_rgb_and_drawn_only_when_asked_for(inferencer, spot_image, tmp_path):
    assert next(inferencer(spot_image, bboxes=BOXES))['visualization'] == []
    written = next(inferencer(spot_image, bboxes=BOXES, vis_out_dir=tmp_path))
    assert written['visualization'] == []
    nothing_drawn = next(inferencer(spot_image, bboxes=[], return_vis=True))
    np.testing.assert_array_equal(nothing_drawn['visualization'][0], spot_image[..., ::-1])
    drawn = next(inferencer(spot_image, bboxes=BOXES, return_vis=True, kpt_thr=0.0))
    assert (drawn['visualization'][0] != spot_image[..., ::-1]).any()


@pytest.mark.parametrize(
    'options',
    [dict(draw_bbox=True), dict(draw_heatmap=True), dict(radius=9), dict(thickness=7)],
)
def test_each_drawing_option_changes_the_picture(inferencer, spot_image, options):
    common = dict(bboxes=BOXES, return_vis=True, kpt_thr=0.0)
    plain = next(inferencer(spot_image, **common))['visualization'][0]
    other = next(inferencer(spot_image, **common, **options))['visualization'][0]
    assert (plain != other).any()


def test_data_samples_are_returned_on_request(inferencer, spot_image):
    result = next(inferencer(spot_image, bboxes=BOXES, return_datasamples=True))
    assert all(isinstance(sample, PoseDataSample) for sample in result['predictions'][0])


def test_batches_change_nothing_but_the_number_of_results(inferencer, image_folder):
    boxes = {'a.png': BOXES, 'b': BOXES[:1].tolist()}
    one_by_one = list(inferencer(image_folder, bboxes=boxes))
    together = list(inferencer(image_folder, bboxes=boxes, batch_size=4))
    assert [len(result['predictions']) for result in one_by_one] == [1, 1]
    assert [len(result['predictions']) for result in together] == [2]
    assert one_by_one[0]['predictions'] + one_by_one[1]['predictions'] == together[0]['predictions']
    assert [len(people) for people in together[0]['predictions']] == [2, 1]


def test_a_bad_image_among_others_is_left_out_and_listed(inferencer, image_folder, tmp_path):
    assert len(run(inferencer, str(image_folder), out_dir=tmp_path / 'out')) == 2
    ((path, reason),) = inferencer.bad_inputs
    assert path.endswith('broken.jpg')
    assert 'broken.jpg' in reason
    predictions = sorted(file.name for file in (tmp_path / 'out/predictions').iterdir())
    assert predictions == ['a.json', 'b.json']
    run(inferencer, image_folder / 'a.png')
    assert inferencer.bad_inputs == []


def test_a_bad_image_alone_is_an_error(inferencer, image_folder):
    with pytest.raises(DataError, match=r'broken\.jpg'):
        run(inferencer, image_folder / 'broken.jpg')


def test_files_hold_what_the_result_holds(inferencer, image_folder, tmp_path):
    people = run(inferencer, image_folder / 'a.png', bboxes=BOXES, out_dir=tmp_path)[0]
    assert json.loads((tmp_path / 'predictions/a.json').read_text()) == people
    picture = cv2.imread(str(tmp_path / 'visualizations/a.png'))
    assert picture.shape == (120, 200, 3)
    assert sorted(path.name for path in tmp_path.rglob('*') if path.is_file()) == [
        'a.json',
        'a.png',
        'a.png',
        'b.png',
        'broken.jpg',
        'notes.txt',
    ]


def test_folders_can_be_given_one_by_one(inferencer, spot_image, tmp_path):
    run(inferencer, spot_image, pred_out_dir=tmp_path / 'json', vis_out_dir=tmp_path / 'vis')
    assert [path.name for path in (tmp_path / 'json').iterdir()] == ['00000000.json']
    assert [path.name for path in (tmp_path / 'vis').iterdir()] == ['00000000.jpg']


def test_images_of_one_name_do_not_overwrite_each_other(inferencer, spot_image, tmp_path):
    for name in ('x/p.png', 'y/p.png', 'p.jpg'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), spot_image)
    inputs = [tmp_path / 'p.jpg', [tmp_path / 'x', str(tmp_path / 'y')], spot_image]
    assert len(run(inferencer, inputs, out_dir=tmp_path / 'out')) == 4
    names = sorted(path.name for path in (tmp_path / 'out/predictions').iterdir())
    assert names == ['00000003.json', 'p.json', 'p_2.json', 'p_3.json']


def test_a_video_gives_a_video_and_one_file_of_all_frames(inferencer, video_file, tmp_path):
    boxes = {'clip.avi': [BOXES, BOXES[:1], []]}
    people = run(inferencer, video_file, bboxes=boxes, batch_size=2, out_dir=tmp_path / 'out')
    assert [len(frame) for frame in people] == [2, 1, 0]
    content = json.loads((tmp_path / 'out/predictions/clip.json').read_text())
    assert content['meta_info']['dataset_name'] == 'spots'
    assert [frame['frame_id'] for frame in content['instance_info']] == [0, 1, 2]
    assert [frame['instances'] for frame in content['instance_info']] == people
    video = cv2.VideoCapture(str(tmp_path / 'out/visualizations/clip.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    assert len(list((tmp_path / 'out/visualizations').iterdir())) == 1
    moved = np.array(people[1][0]['keypoints']) - people[0][0]['keypoints']
    assert np.abs(moved - [2, 0]).max() < 4


def test_videos_and_images_mix(inferencer, image_folder, video_file, tmp_path):
    inputs = [image_folder / 'a.png', video_file, image_folder / 'b.png']
    assert len(run(inferencer, inputs, batch_size=3, out_dir=tmp_path / 'out')) == 5
    names = sorted(path.name for path in (tmp_path / 'out/predictions').iterdir())
    assert names == ['a.json', 'b.json', 'clip.json']
    content = json.loads((tmp_path / 'out/predictions/clip.json').read_text())
    assert len(content['instance_info']) == 3


def test_an_abandoned_video_leaves_no_file(inferencer, video_file, tmp_path):
    results = inferencer(video_file, out_dir=tmp_path / 'out')
    next(results)
    results.close()
    assert [path for path in (tmp_path / 'out').rglob('*') if path.is_file()] == []


def test_a_broken_video_is_left_out(inferencer, image_folder, tmp_path):
    (tmp_path / 'broken.mp4').write_bytes(b'nothing')
    people = run(inferencer, [tmp_path / 'broken.mp4', image_folder / 'a.png'])
    assert len(people) == 1
    assert inferencer.bad_inputs[0][0].endswith('broken.mp4')


def test_boxes_of_each_image_are_given_as_a_list(inferencer, spot_image):
    people = run(inferencer, [spot_image] * 3, bboxes=[BOXES, None, BOXES[:1]], batch_size=2)
    assert [len(frame) for frame in people] == [2, 1, 1]
    assert people[1][0]['bbox'] == [[0, 0, 200, 120]]


def test_boxes_of_every_image_are_given_once(inferencer, spot_image):
    assert [len(p) for p in run(inferencer, [spot_image] * 2, bboxes=BOXES)] == [2, 2]


@pytest.mark.parametrize(
    ('inputs', 'message'),
    [
        ('no/such/file.jpg', 'got no such file'),
        ('ftp://example.org/a.jpg', 'begin with http'),
        ('webcam:x', 'webcam:NUMBER'),
        ('no/such/*.jpg', 'must hold images'),
        (3, 'iterators of frames or lists'),
    ],
)
def test_inputs_that_are_none_are_refused_at_once(inferencer, inputs, message):
    with pytest.raises(DataError, match=message):
        inferencer(inputs)


def test_an_empty_folder_is_refused(inferencer, tmp_path):
    with pytest.raises(DataError, match='must hold images or videos'):
        inferencer(tmp_path)


@pytest.mark.parametrize('options', [dict(kpt_thr=2), dict(skeleton_style='x'), dict(batch_size=0)])
def test_options_without_meaning_are_refused_at_once(inferencer, spot_image, options):
    with pytest.raises(ValueError, match='must'):
        inferencer(spot_image, **options)


def test_a_file_in_place_of_the_output_folder_is_an_error(inferencer, video_file, tmp_path):
    (tmp_path / 'out').write_text('a file')
    for inputs in (draw_spots(), video_file):
        with pytest.raises(OutputError, match='out'):
            run(inferencer, inputs, out_dir=tmp_path / 'out')


def test_frames_keep_their_numbers_where_some_cannot_be_decoded(inferencer, broken_video, tmp_path):
    people = run(
        inferencer, broken_video, bboxes=[[box] for box in [BOXES[0]] * 9], out_dir=tmp_path
    )
    assert [len(frame) for frame in people] == [1] * 7 + [0]
    content = json.loads((tmp_path / 'predictions/broken.json').read_text())
    assert [frame['frame_id'] for frame in content['instance_info']] == [0, 1, 2, 5, 6, 7, 8, 9]
    assert content['undecoded_frames'] == [3, 4]
    drawn = cv2.VideoCapture(str(tmp_path / 'visualizations/broken.mp4'))
    assert drawn.get(cv2.CAP_PROP_FRAME_COUNT) == 10
    lines = inferencer.report.lines()
    assert 'could not be decoded: 2 frames' in lines[0]
    assert 'broken.avi: frames 3 to 4' in lines[0]
    assert 'no boxes: 1 image' in lines[1]


def test_a_video_on_a_full_disk_is_an_error(inferencer, video_file, tmp_path, monkeypatch):
    resource = pytest.importorskip('resource')
    monkeypatch.setattr('posenas.utils.atomic_io._BLOCK', 16)  # the folder takes so much
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    results = inferencer(video_file, vis_out_dir=tmp_path / 'out', batch_size=3)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        with pytest.raises(OutputError, match=r'clip\.mp4 must have 3 frames.*free space'):
            list(results)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / 'out').iterdir()) == []


def test_pictures_without_a_mark_are_counted_with_their_highest_score(
    inferencer, spot_image, tmp_path
):
    people = run(inferencer, [spot_image] * 2, bboxes=BOXES, vis_out_dir=tmp_path, kpt_thr=0.99)
    best = max(score for image in people for person in image for score in person['keypoint_scores'])
    (line,) = inferencer.report.lines()
    assert 'nothing is drawn in 2 images (00000000, 00000001)' in line
    assert f'above 0.99: the highest score there is {best:.3g}' in line
    run(inferencer, [spot_image], bboxes=BOXES, vis_out_dir=tmp_path, kpt_thr=0.1)
    assert inferencer.report.lines() == []


def test_frames_of_an_animated_image_are_counted(inferencer, spot_image, tmp_path):
    path = tmp_path / 'moving.gif'
    pages = [Image.fromarray(spot_image[::step, :, ::-1]) for step in (1, -1, 1)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    run(inferencer, str(path), bboxes=BOXES, kpt_thr=0.1)
    assert inferencer.report.lines() == [
        f'left out, because only the first page or frame of an image is read: 2 ({path})'
    ]


def test_boxes_beside_the_image_are_counted(inferencer, spot_image):
    height, width = spot_image.shape[:2]
    beside = [[width, 0, width + 9, 9], [-9, -9, 0, 9], [0, height + 1, 9, height + 9]]
    run(inferencer, [spot_image], bboxes=[*BOXES, *beside], kpt_thr=0.1)
    (line,) = inferencer.report.lines()
    assert line == ('3 boxes lie outside their image (00000000), where predictions mean nothing')


def test_crops_of_many_boxes_are_made_64_ahead_at_most(inferencer, spot_image, monkeypatch):
    sizes, alive = [], []
    step, cut = inferencer.model.test_step, Crops.__getitem__

    def count_step(data):
        sizes.append(len(data['inputs']))
        alive.append(made[0] - sum(sizes))
        return step(data)

    def count_cut(crops, index):
        crop = cut(crops, index)
        made[0] += 1
        return crop

    made = [0]
    monkeypatch.setattr(inferencer.model, 'test_step', count_step)
    monkeypatch.setattr(Crops, '__getitem__', count_cut)
    boxes = np.resize(BOXES, (100, 4))
    (people,) = run(inferencer, spot_image, bboxes=boxes)
    assert len(people) == 100
    assert sizes == [32, 32, 32, 4]
    assert alive == [32, 0, 0, 0]  # the first 64 are cut while the batch before is looked at


def test_random_weights_are_announced(spot_config, monkeypatch):
    messages = []
    monkeypatch.setattr('posenas.apis.inference.print_log', lambda text, **_: messages.append(text))
    PoseInferencer(spot_config, device='cpu')
    assert 'weights are random' in messages[0]
