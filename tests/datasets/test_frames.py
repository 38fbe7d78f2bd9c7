"""Frames come by their number, from pictures and from video files; broken ones are named."""

import pickle

import cv2
import numpy as np
import pytest
from apis.spots import write_broken_video

from posenas.datasets import FrameGap, FrameReader, decode_frames
from posenas.utils.errors import DataError

NUM_FRAMES = 6


def level(image):
    return float(image.mean())


@pytest.fixture
def pictures(tmp_path):
    """Folder of pictures 3 to 8; frame n has grey level 20 n."""
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for number in range(3, 3 + NUM_FRAMES):
        cv2.imwrite(str(folder / f'{number:06}.png'), np.full((32, 48, 3), 20 * number, np.uint8))
    (folder / 'notes.txt').write_text('no picture')
    return folder


@pytest.fixture
def video(tmp_path):
    """Video file; frame n has grey level 40 n."""
    path = tmp_path / 'video.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (48, 32))
    assert writer.isOpened()
    for number in range(NUM_FRAMES):
        writer.write(np.full((32, 48, 3), 40 * number, np.uint8))
    writer.release()
    return path


def test_pictures_are_read_by_their_numbers(pictures):
    reader = FrameReader(pictures)
    assert reader.numbers == tuple(range(3, 9))
    assert len(reader) == NUM_FRAMES
    assert [level(reader.read(number)) for number in (5, 3, 8)] == [100, 60, 160]
    assert reader.read(3).shape == (32, 48, 3)


@pytest.mark.parametrize('order', [range(6), (5, 0, 3, 3, 4, 1)])
def test_a_video_is_read_in_any_order(video, order):
    reader = FrameReader(video)
    assert len(reader) == NUM_FRAMES
    for number in order:
        assert level(reader.read(number)) == pytest.approx(40 * number, abs=3)


def test_a_reader_moves_to_another_process(video):
    reader = FrameReader(video)
    reader.read(2)
    copy = pickle.loads(pickle.dumps(reader))  # noqa: S301
    for each in (copy, reader):
        assert level(each.read(3)) == pytest.approx(120, abs=3)


@pytest.mark.parametrize('number', [-1, 6, 100])
def test_a_frame_outside_the_video_is_refused(video, number):
    with pytest.raises(DataError, match=rf'video\.mp4: the frame must be one of 0 to 5.*{number}'):
        FrameReader(video).read(number)


def test_a_missing_picture_is_refused(pictures):
    (pictures / '000005.png').unlink()
    with pytest.raises(DataError, match=r'5 frames\), got 5'):
        FrameReader(pictures).read(5)


def test_a_video_shorter_than_its_header_is_refused(video):
    reader = FrameReader(video)
    for promised, text in ((50, 'frame 40 must be decodable, it is broken'), (999, 'from 6 on')):
        reader.numbers = range(promised)
        with pytest.raises(DataError, match=text):
            reader.read(promised - 10)
        assert level(reader.read(1)) == pytest.approx(40, abs=3)


def test_frames_behind_a_broken_one_keep_their_numbers(tmp_path):
    path = write_broken_video(tmp_path / 'broken.avi')
    reader = FrameReader(path)
    assert reader.read(6) is not None
    with pytest.raises(DataError, match='frame 4 must be decodable'):
        reader.read(4)
    gaps = []
    assert [number for number, _ in decode_frames(path, gaps.append)] == [0, 1, 2, *range(5, 10)]
    assert gaps == [FrameGap(3, 4)]


@pytest.mark.parametrize(
    ('broken', 'promised', 'gap'),
    [
        (range(6, 10), 10, 'frames 6 to 9'),
        ((9,), 10, 'frame 9'),
        ((3, 4), 0, 'frames from 3 on'),
        ((), 1000, 'frames 10 to 999'),
    ],
)
def test_frames_up_to_what_the_header_promises_are_missed(
    tmp_path, monkeypatch, broken, promised, gap
):
    path = write_broken_video(tmp_path / 'broken.avi', broken=broken)
    monkeypatch.setattr('posenas.datasets.frames.count_frames', lambda _: promised)
    gaps = []
    numbers = [number for number, _ in decode_frames(path, gaps.append)]
    assert [str(each) for each in gaps] == [gap]
    assert numbers == list(range(gaps[0].first))


def test_a_video_without_a_frame_is_refused(tmp_path):
    path = write_broken_video(tmp_path / 'broken.avi', broken=range(10))
    with pytest.raises(DataError, match='none could be decoded'):
        list(decode_frames(path, print))


@pytest.mark.parametrize(
    ('make', 'text'),
    [
        (lambda path: None, 'got no such file'),
        (lambda path: path.mkdir(), 'must have frames, got none'),
        (lambda path: path.write_bytes(b''), 'broken or no video'),
        (lambda path: path.write_bytes(b'no video at all' * 99), 'broken or no video'),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, make, text):
    path = tmp_path / 'thing'
    make(path)
    with pytest.raises(DataError, match=text):
        FrameReader(path)


@pytest.mark.parametrize(
    ('name', 'text'), [('cover.png', 'named by its frame'), ('3.png', 'one picture per frame')]
)
def test_pictures_with_other_names_are_refused(pictures, name, text):
    (pictures / name).write_bytes(b'')
    with pytest.raises(DataError, match=text):
        FrameReader(pictures)


def test_a_broken_picture_is_named(pictures):
    (pictures / '000005.png').write_bytes(b'nothing')
    with pytest.raises(DataError, match=r'000005\.png'):
        FrameReader(pictures).read(5)


def test_a_real_video_has_the_frames_of_its_pictures(shared_dir):
    folder = shared_dir / 'data/posetrack18_mini/videos/000001_mpiinew_test'
    pictures = FrameReader(folder)
    video = FrameReader(folder / '000001_mpiinew_test.mp4')
    assert len(pictures) == len(video) == 5
    for number in (4, 1, 2):
        first, second = pictures.read(number), video.read(number)
        errors = [
            np.abs(cv2.resize(pictures.read(n), second.shape[1::-1]).astype(float) - second).mean()
            for n in pictures.numbers
        ]
        assert first.shape[2] == 3
        assert int(np.argmin(errors)) == number
