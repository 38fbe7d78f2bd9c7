import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posenas.geometry import (
    crop_to_image,
    get_udp_warp_matrix,
    get_warp_matrix,
    invert_affine,
    warp_points,
)


@pytest.fixture(scope='module')
def golden(golden_dir):
    return dict(np.load(golden_dir / 'pipeline' / 'affine.npz'))


def _matrices(golden, build, size='image_size', **kwargs):
    crops = zip(golden['v1_center'], golden['v1_scale'], golden['rotation'], strict=True)
    return np.stack([build(c, s, r, golden[size], **kwargs) for c, s, r in crops])


@pytest.mark.parametrize('name', ['v0_affine', 'v1_affine'])
def test_warp_matrices_equal_the_recorded_ones(golden, name):
    np.testing.assert_allclose(_matrices(golden, get_warp_matrix), golden[name], atol=1e-3)


@pytest.mark.parametrize('name', ['v0_udp', 'v1_udp'])
def test_udp_matrices_equal_the_recorded_ones(golden, name):
    np.testing.assert_allclose(_matrices(golden, get_udp_warp_matrix), golden[name], atol=1e-3)


def test_warp_matrices_for_the_larger_input_equal_the_recorded_ones(golden):
    golden['large'] = np.array([288, 384])
    matrices = _matrices(golden, get_warp_matrix, size='large')
    np.testing.assert_allclose(matrices, golden['v0_affine_288x384'], atol=1e-3)


def test_shifted_warp_matrices_equal_the_recorded_ones(golden):
    matrices = _matrices(golden, get_warp_matrix, shift=(0.1, -0.2))
    np.testing.assert_allclose(matrices, golden['v0_affine_shift'], atol=1e-3)


@pytest.mark.parametrize('name', ['v0_affine_inv', 'v1_affine_inv'])
def test_inverse_matrices_equal_the_recorded_ones(golden, name):
    inverses = [invert_affine(matrix) for matrix in _matrices(golden, get_warp_matrix)]
    np.testing.assert_allclose(np.stack(inverses), golden[name], atol=1e-3)


@pytest.mark.parametrize('kind', ['affine', 'udp'])
@pytest.mark.parametrize('generation', ['v0', 'v1'])
def test_points_land_where_recorded(golden, kind, generation):
    build = get_udp_warp_matrix if kind == 'udp' else get_warp_matrix
    pairs = zip(golden['points'], _matrices(golden, build), strict=True)
    points = np.stack([warp_points(points, matrix) for points, matrix in pairs])
    np.testing.assert_allclose(points, golden[f'{generation}_points_{kind}'], atol=1e-3)
    assert points.dtype == np.float32


@pytest.mark.parametrize(
    ('name', 'build'),
    [('v0_preds_back', get_warp_matrix), ('v0_preds_back_udp', get_udp_warp_matrix)],
)
def test_heatmap_cells_return_to_the_image_as_recorded(golden, name, build):
    size = golden['heatmap_size']
    crops = zip(golden['heatmap_points'], golden['v1_center'], golden['v1_scale'], strict=True)
    points = np.stack([crop_to_image(p, build(c, s, 0, size)) for p, c, s in crops])
    np.testing.assert_allclose(points, golden[name], atol=1e-3)
    assert points.dtype == np.float32


def test_the_two_matrices_rotate_in_opposite_senses():
    plain = get_warp_matrix((50, 50), (100, 100), 30, (100, 100))
    udp = get_udp_warp_matrix((50, 50), (100, 100), 30, (100, 100))
    assert plain[0, 1] > 0 > udp[0, 1]


def test_udp_maps_the_corner_pixels_of_the_crop_to_those_of_the_input():
    matrix = get_udp_warp_matrix((49.5, 99.5), (99, 199), 0, (192, 256))
    corners = warp_points(np.array([[0.0, 0.0], [99.0, 199.0]]), matrix)
    np.testing.assert_allclose(corners, [[0, 0], [191, 255]], atol=1e-9)


def test_a_flat_matrix_has_no_inverse():
    with pytest.raises(ValueError, match='determinant'):
        invert_affine(np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]]))


_CROPS = st.tuples(
    st.floats(-500, 1500), st.floats(-500, 1500), st.floats(10, 2000), st.floats(-180, 180)
)


@given(crop=_CROPS, use_udp=st.booleans(), x=st.floats(-2000, 2000), y=st.floats(-2000, 2000))
def test_warp_and_inverse_cancel(crop, use_udp, x, y):
    build = get_udp_warp_matrix if use_udp else get_warp_matrix
    cx, cy, width, rotation = crop
    matrix = build((cx, cy), (width, width * 4 / 3), rotation, (192, 256))
    point = np.array([[x, y]])
    back = warp_points(warp_points(point, matrix), invert_affine(matrix))
    np.testing.assert_allclose(back, point, atol=1e-6)
    np.testing.assert_allclose(
        invert_affine(matrix), cv2.invertAffineTransform(matrix), rtol=1e-6, atol=1e-6
    )


@given(crop=_CROPS, use_udp=st.booleans())
def test_points_return_to_the_image_by_the_matrix_as_plain_data(crop, use_udp):
    cx, cy, width, rotation = crop
    build = get_udp_warp_matrix if use_udp else get_warp_matrix
    matrix = build((cx, cy), (width, width * 4 / 3), rotation, (192, 256))
    points = np.array([[0.0, 0.0], [191.0, 20.0], [-5.0, 300.0]])
    image_points = crop_to_image(points, tuple(map(tuple, matrix.tolist())))
    np.testing.assert_allclose(warp_points(image_points, matrix), points, atol=1e-5)


def test_a_matrix_of_another_shape_is_refused():
    with pytest.raises(ValueError, match='warp_mat must have shape'):
        crop_to_image(np.zeros((1, 2)), np.eye(3))
