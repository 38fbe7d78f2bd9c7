"""The official files are not at hand: these tests write their documented layout."""

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from posenas.cli import main
from posenas.datasets import LspDataset, convert_lsp_release, convert_lspet_release
from posenas.skeletons import LSP
from posenas.utils import DataError


@pytest.fixture
def joints():
    """Places (4, 14, 2) in images of 100 x 80 pixels."""
    return np.random.default_rng(0).uniform(20, 60, (4, 14, 2)).round(2)


def write(folder, array, digits):
    (folder / 'images').mkdir(parents=True)
    savemat(folder / 'joints.mat', dict(joints=array))
    for number in range(1, 5):
        picture = np.zeros((80, 100, 3), np.uint8)
        cv2.imwrite(str(folder / 'images' / f'im{number:0{digits}}.jpg'), picture)
    return folder


def test_lsp_is_divided_in_halves_and_knows_occluded_joints(tmp_path, joints):
    occluded = np.zeros((4, 14, 1))
    occluded[2, 5] = 1
    array = np.concatenate([joints, occluded], axis=2).transpose(2, 1, 0)  # (3, 14, 4)
    source = write(tmp_path / 'lsp', array, 4)
    assert convert_lsp_release(source, tmp_path) == {'lsp_train.json': 2, 'lsp_test.json': 2}
    data = LspDataset(str(tmp_path / 'lsp_test.json'), test_mode=True)
    assert data.skeleton == LSP
    sample = data.get_data_info(0)
    assert sample['img_path'] == 'im0003.jpg'
    np.testing.assert_allclose(sample['keypoints'][0], joints[2], atol=1e-4)
    assert sample['keypoints_level'][0].tolist() == [2] * 5 + [1] + [2] * 8


def test_lspet_leaves_out_what_is_not_labelled(tmp_path, joints, monkeypatch):
    labelled = np.ones((4, 14, 1))
    labelled[1, 3:] = 0
    labelled[2] = 0
    array = np.concatenate([joints, labelled], axis=2)
    array[array[..., 2] == 0, :2] = -7
    source = write(tmp_path / 'lspet', array.transpose(1, 2, 0), 5)  # (14, 3, 4)
    lines = []
    monkeypatch.setattr(
        'posenas.datasets.releases.lsp.print_log', lambda text, _: lines.append(text)
    )
    assert convert_lspet_release(source, tmp_path) == {'lspet_train.json': 3}
    assert lines == ['left out 1 people without a labelled keypoint']
    data = LspDataset(str(tmp_path / 'lspet_train.json'), test_mode=True)
    sample = data.get_data_info(1)
    assert sample['img_path'] == 'im00002.jpg'
    assert sample['keypoints_level'][0].tolist() == [2] * 3 + [0] * 11
    x, y, width, height = sample['raw_ann_info']['bbox']
    low, high = joints[1, :3].min(0), joints[1, :3].max(0)
    margin = 0.1 * (high - low).max()
    assert [x, y] == pytest.approx((low - margin).tolist(), abs=0.01)
    assert [x + width, y + height] == pytest.approx((high + margin).tolist(), abs=0.02)
    assert sample['area'] == pytest.approx(0.53 * width * height, abs=0.01)


def test_boxes_end_at_the_image(tmp_path, joints):
    joints[0, 0] = 1, 79
    array = np.concatenate([joints, np.zeros((4, 14, 1))], axis=2).transpose(2, 1, 0)
    convert_lsp_release(write(tmp_path / 'lsp', array, 4), tmp_path)
    data = LspDataset(str(tmp_path / 'lsp_train.json'), test_mode=True)
    x, y, _, height = data.get_data_info(0)['raw_ann_info']['bbox']
    assert (x, y + height) == (0, pytest.approx(80))


def test_the_command_converts(tmp_path, joints, capsys):
    array = np.concatenate([joints, np.ones((4, 14, 1))], axis=2).transpose(1, 2, 0)
    source = write(tmp_path / 'lspet', array, 5)
    command = ['dataset', 'convert', 'lspet', str(source), '--out', str(tmp_path / 'out')]
    assert main(command) == 0
    assert '4 people: ' in capsys.readouterr().out
    assert main([*command, '--separated-only']) == 2
    assert 'are for mpii' in capsys.readouterr().err


def test_other_layouts_are_refused(tmp_path, joints):
    array = np.concatenate([joints, np.ones((4, 14, 1))], axis=2).transpose(1, 2, 0)
    source = write(tmp_path / 'lspet', array, 5)
    with pytest.raises(DataError, match='lsp and lspet store them differently'):
        convert_lsp_release(source, tmp_path)
    (source / 'images' / 'im00003.jpg').write_bytes(b'no image')
    with pytest.raises(DataError, match=r'im00003\.jpg: an image must be readable'):
        convert_lspet_release(source, tmp_path)
    with pytest.raises(DataError, match=r'joints\.mat'):
        convert_lspet_release(tmp_path / 'nowhere', tmp_path)
