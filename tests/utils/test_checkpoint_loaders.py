"""mmengine loads checkpoints through us."""

import hashlib
import http.server
import threading

import pytest
import torch
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


@pytest.mark.parametrize(
    'source',
    [
        'torchvision://resnet50',
        'modelzoo://resnet50',
        'open-mmlab://resnet50',
        'openmmlab://a',
        'mmcls://mobilenet_v2',
        's3://bucket/a.pth',
        'pavi://a',
    ],
)
def test_stores_that_mmengine_reads_unchecked_are_refused(source):
    with pytest.raises(CheckpointError, match='download it'):
        CheckpointLoader.load_checkpoint(source)


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Address of a local server for ``tmp_path / 'web'``; the cache is beside it."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr('torch.hub._hub_dir', None)
    folder = tmp_path / 'web'
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


def _publish(folder, content=None):
    """Write weights into ``folder``; return the digits of their checksum."""
    path = folder / 'weights.pth'
    if content is None:
        save_checkpoint(dict(state_dict=dict(a=torch.ones(3))), path)
    else:
        path.write_bytes(content)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_weights_are_downloaded_once_and_checked(tmp_path, address):
    path, digits = _publish(tmp_path / 'web')
    path.rename(tmp_path / 'web' / f'net-{digits[:8]}_20240101.pth')
    url = f'{address}/net-{digits[:8]}_20240101.pth'
    for _ in range(2):
        assert CheckpointLoader.load_checkpoint(url)['state_dict']['a'].tolist() == [1, 1, 1]
        for file in (tmp_path / 'web').iterdir():
            file.unlink()  # the second time comes from the cache


def test_the_checksum_may_stand_behind_the_address(tmp_path, address):
    _, digits = _publish(tmp_path / 'web')
    url = f'{address}/weights.pth#sha256={digits}'
    assert 'a' in CheckpointLoader.load_checkpoint(url)['state_dict']


def test_a_damaged_copy_in_the_cache_is_downloaded_again(tmp_path, address):
    _, digits = _publish(tmp_path / 'web')
    url = f'{address}/weights.pth#sha256={digits}'
    CheckpointLoader.load_checkpoint(url)
    (tmp_path / 'cache' / 'hub' / 'checkpoints' / 'weights.pth').write_bytes(b'half')
    assert 'a' in CheckpointLoader.load_checkpoint(url)['state_dict']


def test_changed_files_missing_files_and_missing_sums_are_refused(tmp_path, address):
    _publish(tmp_path / 'web')
    for name, reason in [
        ('weights.pth', 'must carry a checksum'),
        ('weights.pth#sha256=nonsense', 'must carry a checksum'),
        (f'weights.pth#sha256={"0" * 64}', 'SHA-256 0000'),
        ('gone-01234567.pth', '404'),
    ]:
        with pytest.raises(CheckpointError, match=reason):
            CheckpointLoader.load_checkpoint(f'{address}/{name}')
    assert not list((tmp_path / 'cache').rglob('*.pth*'))
