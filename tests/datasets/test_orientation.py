import io
import json

import numpy as np
import pytest
from PIL import Image

from posenas.datasets import CocoDataset
from posenas.datasets.inspection import inspect_annotations, inspect_images
from posenas.datasets.orientation import compare_size, shown_size
from posenas.datasets.transforms.loading import decode_image
from posenas.utils.errors import DataError

STORED = (60, 40)


def make_picture(orientation=None, size=STORED, form='JPEG'):
    """Return the bytes of a picture whose left half is black, marked with an orientation."""
    pixels = np.full((size[1], size[0], 3), 255, np.uint8)
    pixels[:, : size[0] // 2] = 0
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ('orientation', 'stated', 'found'),
    [
        (None, STORED, None),
        (None, None, None),
        (1, STORED, None),
        (6, (40, 60), None),  # labelled as shown
        (8, (40, 60), None),
        (5, (40, 60), None),
        (6, STORED, (True, 'turned by EXIF')),
        (8, STORED, (True, 'turned by EXIF')),
        (7, STORED, (True, 'turned by EXIF')),
        (3, STORED, (False, 'turned by EXIF')),
        (2, STORED, (False, 'turned by EXIF')),
        (6, None, (False, 'turned by EXIF')),
        (None, (40, 60), (True, 'image of another size')),
        (6, (400, 600), (True, 'image of another size')),
        (None, (61, 40), (True, 'image of another size')),
    ],
)
def test_a_picture_is_compared_with_its_labels(orientation, stated, found):
    content = make_picture(orientation)
    size = decode_image('a.jpg', content).shape[1::-1]
    assert size == shown_size(STORED, orientation or 1)
    mismatch = compare_size(content, size, stated)
    assert found == (mismatch and mismatch[:2])
    assert mismatch is None or 'EXIF' not in mismatch.kind or 'LoadImage' in mismatch.text


def test_square_pictures_that_are_turned_are_doubtful():
    found = compare_size(make_picture(6, (50, 50)), (50, 50), (50, 50))
    assert not found.is_sure
    assert '90 degrees' in found.text


@pytest.mark.parametrize(('stated', 'found'), [(STORED, None), ((40, 60), True)])
def test_pixels_as_stored_are_those_of_labels_as_stored(stated, found):
    mismatch = compare_size(make_picture(6), STORED, stated, is_turned=False)
    assert (mismatch and mismatch.is_sure) == found


@pytest.fixture
def turned(people):
    """Folder whose second picture is turned by 90 degrees, the third by 180, as if unknown."""
    for number, orientation in ((2, 6), (3, 3)):
        path = people / f'{number:03}.jpg'
        picture = Image.open(path)
        exif = picture.getexif()
        exif[0x0112] = orientation
        picture.save(path, exif=exif)
    return people


def test_check_data_tells_turned_pictures(turned):
    report = inspect_annotations(str(turned / 'people.json'))
    inspect_images(report, turned)
    assert [(f.severity, f.kind, f.place) for f in report.findings] == [
        ('error', 'turned by EXIF', '002.jpg'),
        ('warning', 'turned by EXIF', '003.jpg'),
    ]
    assert report.statistics['images decoded'] == 6
    report = inspect_annotations(str(turned / 'people.json'))
    inspect_images(report, turned, color_type='color_ignore_orientation')
    assert report.findings == []


def _build(folder, **loading):
    return CocoDataset(
        'people.json',
        data_root=str(folder),
        pipeline=[dict(type='LoadImage', **loading)],
        bad_sample_policy='fail',
    )


def test_training_refuses_turned_pictures_and_warns_of_others(turned, monkeypatch):
    lines = []
    loading = 'posenas.datasets.transforms.loading.print_log'
    monkeypatch.setattr(loading, lambda text, **_: lines.append(text))
    dataset = _build(turned)
    with pytest.raises(DataError, match=r'002\.jpg: .* EXIF has it turned by 90 degrees'):
        dataset[1]
    for _ in range(2):
        dataset[2]
    assert len(lines) == 1
    assert '003.jpg: EXIF (orientation 3) has it turned by 180 degrees' in lines[0]
    assert [sample['id'] for sample in dataset.bad_samples] == [2]


def test_labels_as_stored_are_trained_on_pixels_as_stored(turned):
    dataset = _build(turned, color_type='color_ignore_orientation')
    assert dataset[1]['img'].shape == dataset[0]['img'].shape


def test_training_refuses_pictures_of_another_size(people):
    data = json.loads((people / 'people.json').read_text())
    data['images'][0].update(width=50)
    (people / 'people.json').write_text(json.dumps(data))
    with pytest.raises(DataError, match='the annotations say 50 x 128'):
        _build(people)[0]
    data['images'][0].update(width=0)
    (people / 'people.json').write_text(json.dumps(data))
    assert _build(people)[0]['img'].shape == (128, 96, 3)
