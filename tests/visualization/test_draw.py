import numpy as np
import pytest

from posenas.skeletons import COCO, LSP
from posenas.visualization import (
    OPENPOSE,
    draw_bboxes,
    draw_heatmaps,
    draw_keypoint_numbers,
    draw_poses,
    heatmaps_to_image,
    suitable_line_width,
    to_openpose,
)

GRAY = np.full((200, 160, 3), 128, np.uint8)


@pytest.fixture
def pose():
    """One person (1, 14, 2), keypoints at least 10 px apart, and full scores."""
    columns, rows = np.meshgrid([20, 60, 100, 140], [20, 60, 100, 140])
    points = np.stack([columns.ravel(), rows.ravel()], axis=1)[:14]
    return points[None].astype(float), np.ones((1, 14))


def drawn_at(image, point):
    x, y = np.rint(point).astype(int)
    return tuple(int(value) for value in image[y, x])


def test_joints_have_the_colours_of_the_skeleton(pose):
    keypoints, scores = pose
    image = draw_poses(GRAY, keypoints, scores, LSP)
    for point, color in zip(keypoints[0], LSP.joint_colors, strict=True):
        assert drawn_at(image, point) == color


def test_limbs_connect_their_joints(pose):
    keypoints, scores = pose
    image = draw_poses(GRAY, keypoints, scores, LSP)
    first, second = LSP.limbs[0]
    assert drawn_at(image, keypoints[0, [first, second]].mean(0)) != (128, 128, 128)


def test_the_given_image_is_not_modified(pose):
    before = GRAY.copy()
    keypoints, scores = pose
    draw_poses(GRAY, keypoints, scores, LSP)
    draw_bboxes(GRAY, np.array([[10, 10, 90, 90]]))
    draw_keypoint_numbers(GRAY, keypoints, scores)
    draw_heatmaps(GRAY, np.ones((2, 8, 8)))
    assert (before == GRAY).all()


def test_joints_below_the_threshold_and_their_limbs_are_left_out(pose):
    keypoints, scores = pose
    assert (draw_poses(GRAY, keypoints, 0.3 * scores, LSP, score_thr=0.3) == GRAY).all()
    scores[0, LSP.limbs[0][0]] = 0
    image = draw_poses(GRAY, keypoints, scores, LSP)
    assert drawn_at(image, keypoints[0, LSP.limbs[0][0]]) == (128, 128, 128)


@pytest.mark.parametrize('value', [np.nan, np.inf, 1e30, -1e9])
def test_joints_beyond_any_image_are_left_out(pose, value):
    keypoints, scores = pose
    keypoints[0, 3] = value
    image = draw_poses(GRAY, keypoints, scores, LSP)
    assert drawn_at(image, keypoints[0, 0]) == LSP.joint_colors[0]
    draw_keypoint_numbers(GRAY, keypoints, scores)


def test_single_colours_and_sizes_replace_those_of_the_skeleton(pose):
    keypoints, scores = pose
    image = draw_poses(
        GRAY, keypoints, scores, LSP, radius=6, joint_color=(1, 2, 3), limb_color=(4, 5, 6)
    )
    assert drawn_at(image, keypoints[0, 0] + [5, 0]) == (1, 2, 3)
    assert (image == (4, 5, 6)).all(axis=-1).any()


def test_opacity_blends_with_the_image(pose):
    keypoints, scores = pose
    half = draw_poses(GRAY, keypoints, scores, LSP, alpha=0.5).astype(int)
    full = draw_poses(GRAY, keypoints, scores, LSP).astype(int)
    assert np.abs(half - (full + GRAY) / 2).max() <= 1
    assert (draw_poses(GRAY, keypoints, scores, LSP, alpha=0) == GRAY).all()


@pytest.mark.parametrize(('extent', 'width'), [(5, 1), (90, 1), (450, 5), (9000, 12)])
def test_lines_grow_with_the_person(extent, width):
    assert suitable_line_width(np.array([[0, 0], [extent / 3, extent]])) == width


def test_box_is_drawn_along_its_sides():
    image = draw_bboxes(GRAY, np.array([[20.0, 30.0, 120.0, 150.0]]), (0, 128, 0), line_width=3)
    assert drawn_at(image, (20, 90)) == drawn_at(image, (70, 30)) == (0, 128, 0)
    assert drawn_at(image, (70, 90)) == (128, 128, 128)


def test_heat_is_brightest_at_the_peak_and_absent_far_away():
    maps = np.zeros((2, 40, 32), np.float32)
    maps[0, 10, 10] = maps[1, 30, 20] = 1
    image = draw_heatmaps(GRAY, maps).astype(int)
    change = np.abs(image - 128).sum(-1)
    assert change[52, 52] > 60 < change[152, 102]
    assert change[:20].max() == 0


@pytest.mark.parametrize('maps', [np.zeros((1, 4, 4)), -np.ones((1, 4, 4))])
def test_maps_without_a_peak_leave_the_image_as_it_is(maps):
    assert (draw_heatmaps(GRAY, maps) == GRAY).all()


def test_maps_return_to_the_place_of_their_crop():
    maps = np.zeros((1, 64, 48), np.float32)
    maps[0, 32, 12] = 1  # a quarter to the right, half down
    warp_mat = np.array([[2, 0, -64], [0, 2, -72]])  # the crop of 192 x 256 starts at (32, 36)
    placed = heatmaps_to_image(maps, warp_mat, (4, 4), (160, 200))
    assert placed.shape == (1, 200, 160)
    row, column = np.unravel_index(placed[0].argmax(), placed[0].shape)
    assert (column, row) == (80 - 48 + 24, 100 - 64 + 64)


def test_openpose_adds_the_neck_between_the_shoulders():
    rng = np.random.default_rng(0)
    keypoints, scores = rng.uniform(0, 99, (2, 17, 2)), rng.uniform(size=(2, 17))
    more, more_scores = to_openpose(keypoints, scores)
    left, right = COCO.joint_index('left_shoulder'), COCO.joint_index('right_shoulder')
    np.testing.assert_allclose(more[:, 17], (keypoints[:, left] + keypoints[:, right]) / 2)
    np.testing.assert_allclose(more_scores[:, 17], scores[:, [left, right]].min(axis=1))
    assert (more[:, :17] == keypoints).all()
    assert OPENPOSE.num_joints == more.shape[1]
    assert len(OPENPOSE.limbs) == 17
