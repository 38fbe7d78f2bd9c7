"""Weights in files of safetensors."""

import pytest
import torch
from safetensors.torch import save_file

from posenas.utils import CheckpointError, load_checkpoint_file
from posenas.utils.safetensors_io import write_safetensors

WEIGHTS = dict(a=torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), n=torch.tensor(7))


@pytest.mark.parametrize('halve', [False, True])
def test_weights_come_back_in_single_precision(tmp_path, halve):
    path = tmp_path / 'net.safetensors'
    write_safetensors(WEIGHTS, path, dict(epoch=3, dataset_meta=dict(name='coco')), halve)
    loaded = load_checkpoint_file(path)
    assert loaded['meta'] == dict(epoch=3, dataset_meta=dict(name='coco'))
    assert loaded['state_dict']['n'] == 7
    expected = WEIGHTS['a'].half().float() if halve else WEIGHTS['a']
    assert torch.equal(loaded['state_dict']['a'], expected)
    first = path.read_bytes()
    write_safetensors(dict(reversed(WEIGHTS.items())), path, loaded['meta'], halve)
    assert path.read_bytes() == first


def test_files_of_others_are_read_and_damaged_ones_refused(tmp_path):
    path = tmp_path / 'other.safetensors'
    save_file(WEIGHTS, path, dict(format='pt'))
    assert torch.equal(load_checkpoint_file(path)['state_dict']['a'], WEIGHTS['a'])
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match='damaged or no checkpoint'):
        load_checkpoint_file(path)
    save_file(WEIGHTS, path, dict(posenas='[1]'))
    with pytest.raises(CheckpointError, match='damaged or no checkpoint'):
        load_checkpoint_file(path)
    save_file(WEIGHTS, path, dict(posenas='{"epoch": "x"}'))
    with pytest.raises(CheckpointError, match="meta\\['epoch'\\] must be a count"):
        load_checkpoint_file(path)
