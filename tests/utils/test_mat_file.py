import numpy as np
import pytest
from utils.hostile import damage

from posenas.utils import DataError
from posenas.utils.mat_file import read_mat, write_mat


def test_arrays_survive_a_file(tmp_path):
    arrays = dict(preds=np.arange(12.0).reshape(2, 3, 2), flags=np.ones((1, 2), np.uint8))
    write_mat(tmp_path / 'deep' / 'pred.mat', arrays)
    read = read_mat(tmp_path / 'deep' / 'pred.mat', ('preds', 'flags'))
    assert all((read[name] == array).all() for name, array in arrays.items())


@pytest.mark.parametrize(
    ('arrays', 'match'),
    [
        (dict(other=np.ones(2)), 'must hold the variable preds'),
        (dict(preds=np.array([1.0, np.nan])), 'preds must be an array of finite numbers'),
        (dict(preds='text'), 'preds must be an array of finite numbers'),
        (dict(preds=np.array([['a'], [[1]]], object)), 'preds must be an array of finite numbers'),
    ],
)
def test_unusable_variables_are_named(tmp_path, arrays, match):
    write_mat(tmp_path / 'x.mat', arrays)
    with pytest.raises(DataError, match=match):
        read_mat(tmp_path / 'x.mat', ('preds',))


def test_missing_numbers_can_be_allowed(tmp_path):
    write_mat(tmp_path / 'x.mat', dict(preds=np.array([[1.0, np.nan]])))
    read = read_mat(tmp_path / 'x.mat', ('preds',), allow_nan=True)['preds']
    np.testing.assert_array_equal(read, [[1, np.nan]])
    write_mat(tmp_path / 'x.mat', dict(preds=np.array([[1.0, np.inf]])))
    with pytest.raises(DataError, match='finite'):
        read_mat(tmp_path / 'x.mat', ('preds',), allow_nan=True)


def test_files_that_are_not_matlab_files_are_named(tmp_path):
    (tmp_path / 'x.mat').write_bytes(b'no MATLAB file' * 20)
    for name in ('x.mat', 'absent.mat'):
        with pytest.raises(DataError, match=rf'{name} must be a readable MATLAB file'):
            read_mat(tmp_path / name, ('preds',))


def test_a_cut_file_is_an_error(tmp_path):
    write_mat(tmp_path / 'x.mat', dict(preds=np.random.default_rng(0).random((20, 16, 2))))
    content = (tmp_path / 'x.mat').read_bytes()
    for length in (10, 130, 200, len(content) // 2, len(content) - 1):
        (tmp_path / 'cut.mat').write_bytes(content[:length])
        with pytest.raises(DataError, match=r'cut\.mat'):
            read_mat(tmp_path / 'cut.mat', ('preds',))


def test_damaged_files_are_refused_before_scipy_crashes_over_them(tmp_path):
    names = np.array([['ab', 'c']], object)
    arrays = dict(preds=np.random.default_rng(0).random((4, 3, 2)), names=names)
    write_mat(tmp_path / 'x.mat', arrays)
    data = (tmp_path / 'x.mat').read_bytes()
    refused = 0
    for seed in range(400):
        (tmp_path / 'x.mat').write_bytes(damage(data, np.random.default_rng(seed)))
        try:
            read_mat(tmp_path / 'x.mat', ('preds',))
        except DataError:
            refused += 1
    assert refused > 200
    array = bytearray(data)
    array[array.index(b'preds') - 22] = 177  # no class of arrays: an index out of SciPy's table
    (tmp_path / 'x.mat').write_bytes(array)
    with pytest.raises(DataError, match='must be a readable MATLAB file'):
        read_mat(tmp_path / 'x.mat', ('preds',))
