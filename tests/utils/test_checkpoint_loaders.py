"""mmengine loads checkpoints through us."""

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.runner.checkpoint import load_checkpoint as mmengine_load_checkpoint
from torch import nn
from utils.hostile import gadgets, pickled, training_checkpoint, write_zip

from posenas.utils import CheckpointError, save_checkpoint
from posenas.utils.checkpoint_loaders import register_checkpoint_loaders


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    register_checkpoint_loaders()
    register_checkpoint_loaders()  # may be repeated


def test_mmengine_loads_its_own_checkpoints_again(tmp_path):
    torch.save(training_checkpoint(), tmp_path / 'a.pth')
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    loaded = mmengine_load_checkpoint(model, str(tmp_path / 'a.pth'))
    assert torch.equal(model[0].weight, loaded['state_dict']['0.weight'])


@pytest.mark.parametrize(
    ('content', 'prefix', 'is_loaded'),
    [
        ({'conv.weight': torch.ones(2, 3, 1, 1)}, None, True),
        ({'module.conv.weight': torch.ones(2, 3, 1, 1)}, None, True),
        ({'backbone.conv.weight': torch.ones(2, 3, 1, 1)}, 'backbone', True),
        ({'backbone.conv.weight': torch.ones(2, 3, 1, 1)}, None, False),
        ({'conv.weight': torch.ones(2, 3, 1, 1)}, 'backbone.', False),
        ({'conv.weight': torch.ones(4, 3, 1, 1)}, None, False),
        ({}, None, False),
    ],
)
def test_pretrained_files_of_which_nothing_fits_are_refused(tmp_path, content, prefix, is_loaded):
    torch.save(dict(state_dict=content), tmp_path / 'a.pth')
    model = BaseModule(dict(type='Pretrained', checkpoint=str(tmp_path / 'a.pth'), prefix=prefix))
    model.conv = nn.Conv2d(3, 2, 1, bias=False)
    if is_loaded:
        model.init_weights()
        assert torch.equal(model.conv.weight, torch.ones(2, 3, 1, 1))
    else:
        with pytest.raises(CheckpointError, match='but none fits'):
            model.init_weights()


def test_mmengine_never_sees_the_config_that_it_would_run(tmp_path):
    checkpoint = training_checkpoint()
    checkpoint['meta']['config'] = 'import os\nos.abort()'
    torch.save(checkpoint, tmp_path / 'a.pth')
    loaded = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'), 'cpu')
    assert 'config' not in loaded['meta']
    assert loaded['meta']['cfg'] == 'model = dict()'


def test_code_is_refused_through_mmengine_too(tmp_path):
    write_zip(tmp_path / 'a.pth', pickled(gadgets(tmp_path / 'ran')['os.system']))
    with pytest.raises(CheckpointError, match=r'os\.system'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'))
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('source', ['s3://bucket/a.pth', 'petrel://a', 'pavi://a'])
def test_stores_that_nothing_here_can_check_are_refused(source):
    with pytest.raises(CheckpointError, match='download it'):
        CheckpointLoader.load_checkpoint(source)


def test_mmengine_loads_addresses_with_a_checksum_and_no_others(tmp_path, web):
    save_checkpoint(dict(state_dict={'0.weight': torch.ones(2, 3)}), tmp_path / 'a.pth')
    address, digits = web.publish(tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=digits):
        CheckpointLoader.load_checkpoint(address)
    model = nn.Sequential(nn.Linear(3, 2, bias=False))
    mmengine_load_checkpoint(model, f'{address}#sha256={digits}')
    assert torch.equal(model[0].weight, torch.ones(2, 3))


def test_names_of_stores_are_addresses_and_checked_like_them(tmp_path, web, monkeypatch):
    weights = {'backbone.conv1.weight': torch.ones(2), 'head.fc.weight': torch.ones(3)}
    save_checkpoint(dict(state_dict=weights), tmp_path / 'a.pth')
    good, _ = web.publish(tmp_path / 'a.pth', 'net_20200101-{digits}.pth')
    table = dict(good=good, unchecked=web.publish(tmp_path / 'a.pth')[0], old=None)
    tables = dict(deprecated={})
    monkeypatch.setattr('posenas.utils.download._read_table', lambda n: tables.get(n, table))
    load = CheckpointLoader.load_checkpoint
    assert load('torchvision://good')['state_dict'].keys() == weights.keys()
    assert load('openmmlab://good')['state_dict'].keys() == weights.keys()
    assert load('mmcls://good')['state_dict'].keys() == {'conv1.weight'}
    for name, reason in dict(unchecked='SHA-256', old='must name weights', none='such as').items():
        with pytest.raises(CheckpointError, match=reason):
            load(f'open-mmlab://{name}')
