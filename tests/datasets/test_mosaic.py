"""Canvases: boxes go with their people, and a canvas depends on seed, epoch and index alone."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from torch.utils.data import ConcatDataset

from posenas.datasets import EpochIndex, MosaicDataset, PersonBoxDataset
from posenas.utils import ConfigError

#: Corners of the bright people in each picture of 100 x 80 pixels.
BOXES = ([[10, 10, 40, 60]], [[50, 20, 70, 50], [5, 5, 15, 30]], [])


def write_photos(folder: Path, level: int = 255, crowd: bool = False) -> dict:
    """Write dark pictures with people as bright boxes, and their file."""
    data = dict(images=[], annotations=[], categories=[dict(id=1, name='person')])
    for number, boxes in enumerate(BOXES, start=1):
        picture = np.zeros((80, 100, 3), np.uint8)
        for x1, y1, x2, y2 in boxes:
            picture[y1:y2, x1:x2] = level
            data['annotations'].append(
                dict(
                    id=len(data['annotations']) + 1,
                    image_id=number,
                    category_id=1,
                    iscrowd=int(crowd),
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                )
            )
        cv2.imwrite(str(folder / f'{number}.png'), picture)
        data['images'].append(dict(id=number, file_name=f'{number}.png', width=100, height=80))
    (folder / 'people.json').write_text(json.dumps(data))
    return dict(
        ann_file=str(folder / 'people.json'),
        data_prefix=dict(img=str(folder)),
        pipeline=[dict(type='LoadImage')],
    )


@pytest.fixture
def photos(tmp_path):
    return PersonBoxDataset(**write_photos(tmp_path))


def test_one_image_is_one_sample_also_without_people(photos):
    assert [len(photos[i]['bboxes']) for i in range(3)] == [1, 2, 0]
    np.testing.assert_array_equal(photos[1]['bboxes'], BOXES[1])
    assert photos[2]['img_id'] == 3
    assert not photos[1]['is_ignored'].any()


def test_crowds_are_ignored(tmp_path):
    assert PersonBoxDataset(**write_photos(tmp_path, crowd=True))[1]['is_ignored'].all()


@pytest.mark.parametrize('mosaic_prob', [0.0, 1.0])
def test_boxes_go_with_their_people(photos, mosaic_prob):
    canvases = MosaicDataset(photos, (96, 64), photo_size=100, mosaic_prob=mosaic_prob)
    for number in range(40):
        sample = canvases[EpochIndex(number % 2, number)]
        image, bright = sample['img'], sample['img'].min(axis=2) > 180
        assert image.shape == (64, 96, 3)
        covered = np.zeros_like(bright)
        for box in sample['bboxes']:
            x1, y1, x2, y2 = np.rint(box).astype(int)
            covered[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2] = True
            if min(x2 - x1, y2 - y1) > 6:
                assert bright[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].all()
        assert not (bright & ~covered).any()
        assert (sample['bboxes'] >= 0).all()
        assert (sample['bboxes'] <= [96, 64, 96, 64]).all()


def test_boxes_of_turned_photos_hold_the_ellipse_of_each_person(tmp_path):
    photo = np.zeros((80, 100, 3), np.uint8)
    cv2.ellipse(photo, (60, 35), (30, 10), 0, 0, 360, (255, 255, 255), -1)
    sample = dict(id=1, img_id=1, img_path='', dataset_name='', is_ignored=np.array([False]))
    sample.update(img=photo, bboxes=np.array([[30, 25, 90, 45]], np.float32))
    canvases = MosaicDataset([sample], (200, 200), photo_size=100, mosaic_prob=0, rotate_factor=60)
    sides = []
    for epoch in range(20):
        turned = canvases[EpochIndex(0, epoch)]
        rows, columns = np.nonzero(turned['img'].min(axis=2) > 180)
        if min(rows.min(), columns.min()) > 0 and max(rows.max(), columns.max()) < 199:
            found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(turned['bboxes'][0], found, atol=3)
            sides.append((found[2] - found[0]) / (found[3] - found[1]))
    assert max(sides) > 2.5  # hardly turned
    assert min(sides) < 1.2  # about diagonal or steeper


def test_hidden_and_tiny_people_are_ignored(photos):
    canvases = MosaicDataset(photos, (40, 40), photo_size=100, scale_range=(1, 2), mosaic_prob=0)
    samples = [canvases[EpochIndex(0, epoch)] for epoch in range(60)]
    ignored = [bool(sample['is_ignored'][0]) for sample in samples if len(sample['bboxes'])]
    assert len(set(ignored)) == 2
    tiny = MosaicDataset(photos, (40, 40), photo_size=8, scale_range=(1, 1), mosaic_prob=0)
    assert tiny[0]['is_ignored'].all()


def test_a_canvas_depends_on_seed_epoch_and_index_alone(photos):
    canvases = MosaicDataset(photos, (64, 64), photo_size=100)
    first = canvases[EpochIndex(1, 3)]['img']
    canvases[EpochIndex(0, 0)]
    assert np.array_equal(canvases[EpochIndex(1, 3)]['img'], first)
    assert not np.array_equal(canvases[EpochIndex(1, 4)]['img'], first)
    canvases.seed = 1
    assert not np.array_equal(canvases[EpochIndex(1, 3)]['img'], first)


def test_the_photos_of_a_mosaic_come_from_one_part(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'b').mkdir()
    bright = PersonBoxDataset(**write_photos(tmp_path / 'a'))
    dim = PersonBoxDataset(**write_photos(tmp_path / 'b', level=60))
    canvases = MosaicDataset(ConcatDataset([bright, dim]), (64, 64), photo_size=100, mosaic_prob=1)
    for epoch in range(10):
        assert canvases[EpochIndex(3, epoch)]['img'].max() <= 114  # the grey of the border


@pytest.mark.parametrize(
    'options',
    [dict(scale_range=(1, 0.5)), dict(mosaic_scale_range=(0, 1))],
    ids=lambda options: next(iter(options)),
)
def test_an_empty_range_is_refused(photos, options):
    with pytest.raises(ConfigError, match='two ascending factors'):
        MosaicDataset(photos, (64, 64), **options)
