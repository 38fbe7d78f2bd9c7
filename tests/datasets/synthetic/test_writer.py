import hashlib
import json

import cv2
import numpy as np
import pytest

from posenas.datasets import CocoDataset
from posenas.datasets.synthetic import (
    IMAGE_ANNOTATIONS,
    VIDEO_ANNOTATIONS,
    Studio,
    SyntheticSpec,
    build_synthetic,
)
from posenas.datasets.synthetic.scene import sample_actors
from posenas.datasets.synthetic.video import draw_video
from posenas.utils.errors import ConfigError, OutputError

SIZE = (160, 120)
SPEC = SyntheticSpec(num_images=6, num_videos=2, num_frames=12, seed=5, size=SIZE)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('synthetic') / 'set'
    build_synthetic(folder, SPEC)
    return folder


def digests(folder):
    files = sorted(path for path in folder.rglob('*') if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def read(data, name):
    return json.loads((data / name).read_text())


def test_equal_seeds_give_equal_files_whatever_the_number_of_processes(data, tmp_path):
    build_synthetic(tmp_path / 'again', SPEC, jobs=2)
    assert digests(tmp_path / 'again') == digests(data)


def test_another_seed_gives_other_pictures(data):
    other = Studio.build(SIZE, SPEC.people).draw_image(SPEC.seed + 1, 0).image
    same = Studio.build(SIZE, SPEC.people).draw_image(SPEC.seed, 0).image
    assert (other != same).mean() > 0.3


def test_pictures_of_a_seed_stay_what_they_are():
    studio = Studio.build((96, 96), 3.0)
    assert studio.grain[0, :3].tolist() == [[155, 90, 115], [116, 152, 135], [128, 126, 122]]
    pictures = [*(studio.draw_image(3, i) for i in range(8)), *draw_video(studio, 3, 5, 2)]
    rows = [
        (*person.bbox, person.area, person.track, int((person.keypoints[:, 2] == 1).sum()))
        for picture in pictures
        for person in picture.annotations
    ]
    content = np.array(rows, np.int64).tobytes()
    assert hashlib.sha256(content).hexdigest().startswith('a28d6587f9577ff8')


def test_a_picture_does_not_depend_on_how_many_are_drawn(data, tmp_path):
    build_synthetic(tmp_path / 'few', SyntheticSpec(num_images=2, seed=5, size=SIZE))
    for name in ('000000.jpg', '000001.jpg'):
        assert (tmp_path / 'few/images' / name).read_bytes() == (
            data / 'images' / name
        ).read_bytes()
    assert read(tmp_path / 'few', IMAGE_ANNOTATIONS)['annotations'] == [
        row for row in read(data, IMAGE_ANNOTATIONS)['annotations'] if row['image_id'] <= 2
    ]


def test_the_coco_dataset_reads_the_images(data):
    dataset = CocoDataset(
        str(IMAGE_ANNOTATIONS), data_root=str(data), data_prefix=dict(img='images/')
    )
    labels = read(data, IMAGE_ANNOTATIONS)
    assert len(dataset) == sum(row['num_keypoints'] > 0 for row in labels['annotations'])
    assert dataset.metainfo['num_keypoints'] == 17
    info = dataset.get_data_info(0)
    assert cv2.imread(info['img_path']).shape == (SIZE[1], SIZE[0], 3)
    assert info['keypoints'].shape == (1, 17, 2)


@pytest.mark.parametrize('name', [IMAGE_ANNOTATIONS, VIDEO_ANNOTATIONS])
def test_annotations_agree_with_themselves(data, name):
    labels = read(data, name)
    images = {row['id']: row for row in labels['images']}
    assert len(images) == len(labels['images'])
    assert len({row['id'] for row in labels['annotations']}) == len(labels['annotations'])
    for row in labels['annotations']:
        keypoints = np.reshape(row['keypoints'], (17, 3))
        x, y, w, h = row['bbox']
        assert row['image_id'] in images
        assert row['num_keypoints'] == (keypoints[:, 2] > 0).sum()
        assert 0 < row['area'] <= w * h
        assert x >= 0
        assert y >= 0
        assert x + w <= SIZE[0]
        assert y + h <= SIZE[1]
        labelled = keypoints[keypoints[:, 2] > 0, :2]
        assert (labelled >= -0.5).all()
        assert (labelled <= np.array(SIZE) - 0.5).all()
        assert (keypoints[keypoints[:, 2] == 0] == 0).all()
        seen = keypoints[5:][keypoints[5:, 2] == 2, :2]
        assert ((seen >= (x - 1.5, y - 1.5)) & (seen <= (x + w + 0.5, y + h + 0.5))).all()


def test_there_are_three_people_in_a_picture_on_average():
    counts = [len(sample_actors(np.random.default_rng(seed), SIZE, 3.0)) for seed in range(150)]
    assert 2.7 < np.mean(counts) < 3.3
    assert min(counts) == 1
    assert max(counts) >= 6


def test_videos_are_numbered_frame_by_frame(data):
    images = read(data, VIDEO_ANNOTATIONS)['images']
    assert [(row['vid_id'], row['frame_id']) for row in images] == [
        (video, frame) for video in (1, 2) for frame in range(SPEC.num_frames)
    ]
    for row in images:
        assert cv2.imread(str(data / 'videos' / row['file_name'])).shape[:2] == SIZE[::-1]


def test_tracks_are_kept_and_move_smoothly(data):
    labels = read(data, VIDEO_ANNOTATIONS)
    videos = {row['id']: (row['vid_id'], row['frame_id']) for row in labels['images']}
    tracks = {}
    for row in labels['annotations']:
        video, frame = videos[row['image_id']]
        tracks.setdefault((video, row['track_id']), {})[frame] = np.reshape(
            row['keypoints'], (17, 3)
        )
    steps = [
        np.linalg.norm(frames[frame + 1][both, :2] - frames[frame][both, :2], axis=1)
        for frames in tracks.values()
        for frame in frames
        if frame + 1 in frames
        for both in [(frames[frame][:, 2] > 0) & (frames[frame + 1][:, 2] > 0)]
    ]
    steps = np.concatenate(steps)
    assert max(len(frames) for frames in tracks.values()) == SPEC.num_frames
    assert 0.05 < np.median(steps) < 4
    assert steps.max() < 0.2 * SIZE[1]


@pytest.mark.parametrize(
    'wrong',
    [
        dict(num_images=0),
        dict(num_images=-1),
        dict(num_images=1, num_frames=0),
        dict(num_images=1, seed=-1),
        dict(num_images=1, size=(16, 480)),
        dict(num_images=1, people=0.5),
    ],
)
def test_a_spec_that_means_nothing_is_refused(wrong):
    with pytest.raises(ConfigError, match=r'must be (at least|between|64 to)'):
        SyntheticSpec(**wrong)


def test_a_folder_that_holds_files_is_refused(tmp_path):
    (tmp_path / 'mine.txt').write_text('keep')
    with pytest.raises(OutputError, match='new or empty folder'):
        build_synthetic(tmp_path, SyntheticSpec(num_images=1))
    assert [path.name for path in tmp_path.iterdir()] == ['mine.txt']


def test_an_unwritable_place_is_a_clear_error(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OutputError, match='must be a folder to write to'):
        build_synthetic(tmp_path / 'file' / 'set', SyntheticSpec(num_images=1, size=SIZE))
