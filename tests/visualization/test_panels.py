import numpy as np
import pytest

from posenas.visualization import enlarge, fit_tile, grid, side_by_side, zoom_points


def plain(height, width, value):
    return np.full((height, width, 3), value, np.uint8)


@pytest.mark.parametrize(
    ('size', 'expected', 'zoom'), [((30, 20), (120, 80), 4), ((200, 300), (200, 300), 1)]
)
def test_only_small_pictures_are_enlarged(size, expected, zoom):
    image, factor = enlarge(plain(*size, 7), 120)
    assert image.shape[:2] == expected
    assert factor == zoom


def test_points_stay_on_what_they_mark():
    image = plain(20, 20, 0)
    image[12, 5] = 255
    larger, zoom = enlarge(image, 100)
    x, y = np.rint(zoom_points(np.array([5.0, 12.0]), zoom)).astype(int)
    row, column = np.unravel_index(larger[..., 0].argmax(), larger.shape[:2])
    assert max(abs(row - y), abs(column - x)) <= 1


def test_tile_keeps_the_shape_of_the_picture_on_white():
    tile = fit_tile(plain(10, 20, 0), (40, 40))
    dark = np.argwhere((tile == 0).all(axis=-1))
    assert dark.min(axis=0).tolist() == [10, 0]
    assert dark.max(axis=0).tolist() == [29, 39]
    assert (tile[0] == 255).all()


def test_grid_holds_every_picture_once_row_by_row():
    sheet = grid([plain(20, 30, value) for value in (10, 20, 30)], columns=2)
    for value in (10, 20, 30):
        assert (sheet == value).all(axis=-1).sum() == 600
    places = [np.argwhere((sheet == value).all(axis=-1))[0] for value in (10, 20, 30)]
    assert places[0][0] == places[1][0] < places[2][0]
    assert places[0][1] == places[2][1] < places[1][1]


def test_captions_are_written_above_without_covering_pictures():
    pictures = [plain(20, 60, 10)] * 2
    sheet = grid(pictures, 2, captions=['one', 'a caption that is far too long for its tile'])
    assert (sheet == 10).all(axis=-1).sum() == 2400
    assert sheet.shape[0] > grid(pictures, 2).shape[0]
    assert (grid(pictures, 2, captions=['', '']) != sheet).any()


def test_side_by_side_brings_pictures_to_one_height():
    sheet = side_by_side([plain(40, 20, 10), plain(80, 80, 20)])
    assert (sheet == 10).all(axis=-1).sum() == 800
    assert (sheet == 20).all(axis=-1).sum() == 1600


def test_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match='at least one image'):
        grid([], 3)
    with pytest.raises(ValueError, match='a caption per image'):
        grid([plain(4, 4, 0)], 1, captions=['a', 'b'])
