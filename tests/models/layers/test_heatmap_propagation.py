"""Heatmaps that move between crops."""

import numpy as np
import pytest
import torch
from registry_cases import noise

from posenas.geometry import (
    get_udp_warp_matrix,
    get_warp_matrix,
    heatmap_matrix,
    move_heatmaps,
)
from posenas.models.layers import propagate_heatmaps

WIDTH, HEIGHT, STRIDE = 12, 16, 4
CENTER, SCALE, INPUT = np.array([100.0, 80.0]), np.array([96.0, 128.0]), (48, 64)


def crop(dx=0.0, dy=0.0, zoom=1.0, rotation=0.0, make=get_warp_matrix, stride=(STRIDE, STRIDE)):
    return heatmap_matrix(make(CENTER + np.array([dx, dy]), SCALE * zoom, rotation, INPUT), stride)


def shift(maps, x, y):
    """Move maps by whole pixels to the left and up, zeros coming in."""
    result = torch.zeros_like(maps)
    height, width = maps.shape[-2:]
    rows, columns = np.arange(height), np.arange(width)
    good_y = (rows + y >= 0) & (rows + y < height)
    good_x = (columns + x >= 0) & (columns + x < width)
    taken = maps[..., rows[good_y] + y, :][..., columns[good_x] + x]
    result[..., rows[good_y][:, None], columns[good_x]] = taken
    return result


@pytest.mark.parametrize(('x', 'y'), [(1, 0), (0, -2), (-3, 5), (20, 0)])
def test_shifts_by_whole_heatmap_pixels_copy_values(x, y):
    maps = 10 * noise(2, 3, HEIGHT, WIDTH)
    pixel = STRIDE * SCALE[0] / INPUT[0]  # image pixels of one heatmap pixel
    targets = [crop(x * pixel, y * pixel)] * 2
    moved = propagate_heatmaps(maps, [crop()] * 2, targets)
    assert (moved - shift(maps, x, y)).abs().max() <= 1e-6


def test_equal_crops_leave_the_very_tensor_and_mixed_batches_move_the_others_alone():
    maps = noise(2, 3, HEIGHT, WIDTH)
    assert propagate_heatmaps(maps, [crop()] * 2, [crop()] * 2) is maps
    moved = propagate_heatmaps(maps, [crop()] * 2, [crop(), crop(3.3)])
    assert torch.equal(moved[0], maps[0])
    assert not torch.equal(moved[1], maps[1])


@pytest.mark.parametrize(
    'target',
    [dict(dx=5.3, rotation=20.0), dict(zoom=0.4), dict(zoom=3.0), dict(dx=900.0), dict(dy=-13.0)],
)
def test_arrays_move_as_tensors_do(target):
    maps = noise(3, 2, HEIGHT, WIDTH)
    crops = [crop()] * 3, [crop(), crop(**target), crop(1.7, 2.1)]
    wanted = propagate_heatmaps(maps, *crops)
    np.testing.assert_allclose(move_heatmaps(maps.numpy(), *crops), wanted.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    'target',
    [dict(dx=5.0, dy=-3.0), dict(zoom=1.2), dict(rotation=20.0), dict(dx=2.0, zoom=0.9, dy=1.0)],
)
@pytest.mark.parametrize('is_udp', [False, True])
def test_a_warped_checkerboard_is_where_the_scene_is(target, is_udp):
    kind = dict(make=get_udp_warp_matrix, stride=(47 / 11, 63 / 15)) if is_udp else {}
    source, goal = crop(**kind), crop(**target, **kind)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    board = ((x // 3 + y // 3) % 2).astype(np.float64)
    moved = propagate_heatmaps(torch.tensor(board)[None, None], [source], [goal])[0, 0].numpy()
    lifted = [np.vstack([matrix, [0, 0, 1]]) for matrix in (source, goal)]
    for row in range(HEIGHT):
        for column in range(WIDTH):
            place = (lifted[0] @ np.linalg.inv(lifted[1]) @ [column, row, 1])[:2]
            assert abs(moved[row, column] - interpolate(board, *place)) < 2e-6


def interpolate(image, x, y):
    """Bilinear value, zeros outside, written out."""
    left, top = int(np.floor(x)), int(np.floor(y))
    value = 0.0
    for column, wx in ((left, 1 - (x - left)), (left + 1, x - left)):
        for row, wy in ((top, 1 - (y - top)), (top + 1, y - top)):
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                value += wx * wy * image[row, column]
    return value


def test_mirrored_clips_move_as_their_mirror_images():
    maps = noise(1, 3, HEIGHT, WIDTH)
    mirror = np.array([[-1.0, 0, WIDTH - 1], [0, 1, 0]])

    def reflect(matrix):
        lifted = np.vstack([matrix, [0, 0, 1]])
        return mirror @ lifted

    source, goal = crop(), crop(4.0, 2.0, 1.1)
    plain = propagate_heatmaps(maps, [source], [goal])
    mirrored = propagate_heatmaps(maps.flip(-1), [reflect(source)], [reflect(goal)])
    assert torch.allclose(mirrored.flip(-1), plain, atol=1e-5)
