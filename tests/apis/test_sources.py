"""Inputs: files, folders, videos and arrays."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from posenas.apis.sources import Source, list_passed_over, list_sources, read_frames
from posenas.utils import DataError


def test_arrays_are_named_by_their_number():
    sources = list_sources([np.zeros((4, 4, 3), np.uint8)] * 2)
    assert [source.name for source in sources] == ['00000000', '00000001']
    assert [source.count_frames() for source in sources] == [1, 1]


def test_frames_of_a_video_are_counted(video_file):
    (source,) = list_sources(video_file)
    assert source.count_frames() == 3
    assert source.frames_per_second() == pytest.approx(10)


def test_a_broken_video_counts_no_frames(tmp_path):
    (tmp_path / 'a.mp4').write_text('nothing')
    assert list_sources(tmp_path)[0].count_frames() == 0


def test_what_is_no_picture_in_a_folder_is_listed(image_folder, tmp_path):
    (image_folder / 'more').mkdir()
    (image_folder / '.hidden').touch()
    passed_over = list_passed_over([image_folder, str(image_folder / 'a.png')])
    assert [path.name for path in passed_over] == ['more', 'notes.txt']


def test_frames_and_bad_images_keep_their_positions(broken_video, tmp_path):
    def load(image):
        if isinstance(image, Path):
            raise DataError('no image')
        return dict(img=image)

    (tmp_path / 'bad.jpg').touch()
    array = np.zeros((4, 4, 3), np.uint8)
    sources = list_sources([array, tmp_path / 'bad.jpg', broken_video, array])
    bad = []
    frames = list(read_frames(sources, load, lambda source, error: bad.append(source)))
    assert [frame.position for frame in frames] == [0, 2, 3, 4, 7, 8, 9, 10, 11, 12]
    assert [frame.index for frame in frames[1:-1]] == [0, 1, 2, 5, 6, 7, 8, 9]
    assert [str(gap) for gap in sources[2].gaps] == ['frames 3 to 4']
    assert bad == [sources[1]]


def test_a_video_of_an_address_has_the_speed_of_what_was_downloaded(
    video_file, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(video_file, 'far.mp4')  # of that name, but not what the address holds
    (source,) = list_sources('https://example.org/far.mp4')
    assert source.frames_per_second() == 25
    monkeypatch.setattr(Source, 'fetch', lambda self: nullcontext(Path(video_file)))
    assert len(list(read_frames([source], lambda image: dict(img=image), print))) == 3
    assert source.frames_per_second() == pytest.approx(10)


def test_a_pattern_lists_what_it_passes_over_in_all_folders(image_folder):
    (image_folder / 'more').mkdir()
    (image_folder / 'more' / 'text.txt').touch()
    passed_over = list_passed_over(str(image_folder / '**'))
    assert 'text.txt' in [path.name for path in passed_over]
