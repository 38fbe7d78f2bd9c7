"""What an address sends is loaded only with the digits that it must have."""

import re
import threading
from pathlib import Path

import pytest
import torch
from utils.hostile import gadgets, pickled, write_zip

from posenas.utils import CheckpointError, save_checkpoint
from posenas.utils.download import (
    fetch_checkpoint,
    find_in_store,
    is_address,
    pin_addresses,
    pin_checkpoint,
    read_checkpoint,
)

#: A checksum that nothing here has.
OTHER = '0123456789abcdef' * 4


@pytest.fixture
def weights(tmp_path):
    save_checkpoint(dict(state_dict=dict(a=torch.ones(3))), tmp_path / 'a.pth')
    return tmp_path / 'a.pth'


@pytest.fixture
def cache(tmp_path):
    return lambda: sorted(path.name for path in (tmp_path / 'cache').rglob('*.pth*'))


@pytest.mark.parametrize(
    ('name', 'ending', 'sha256'),
    [
        ('net_256x192-{digits}_20210624.pth', '', None),
        ('resnet50-{digits}.pth', '?download=1', None),
        ('weights.pth', '#sha256={digest}', None),
        ('weights.pth', '#sha256={digest:.8}', None),
        ('weights.pth', '', '{digest}'),
        ('weights.pth', f'#sha256={OTHER}', '{digest:.12}'),
        (f'net-{OTHER[:8]}.pth', '', 'UPPER'),
    ],
)
def test_a_file_with_the_right_digits_is_downloaded_once(web, weights, name, ending, sha256, cache):
    address, digest = web.publish(weights, name)
    address += ending.format(digest=digest)
    sha256 = digest.upper() if sha256 == 'UPPER' else sha256 and sha256.format(digest=digest)
    for _ in range(2):
        loaded = read_checkpoint(address, sha256=sha256)
        assert loaded['state_dict']['a'].tolist() == [1, 1, 1]
        web.forget()  # the second time comes from the cache
    assert cache() == [f'{digest}.pth']
    assert len(web.requests) == 1


@pytest.mark.parametrize('name', ['weights.pth', 'net-20210624.pth', 'net-19990101_a.pth'])
def test_without_digits_the_text_has_those_of_what_came(web, weights, name, cache):
    address, digest = web.publish(weights, name)
    with pytest.raises(CheckpointError, match='must come with a SHA-256') as caught:
        fetch_checkpoint(address)
    assert f'{address}#sha256={digest}' in str(caught.value)
    # what came is kept for when its digits are given
    assert cache() == [f'{digest}.pth']
    assert fetch_checkpoint(address, digest).read_bytes() == weights.read_bytes()
    assert len(web.requests) == 1


def test_trust_loads_without_digits_and_pins_the_address(web, weights):
    address, digest = web.publish(weights)
    pinned = pin_checkpoint(address, trust=True)
    assert pinned == f'{address}#sha256={digest}'
    web.publish(b'another file')
    assert fetch_checkpoint(pinned).read_bytes() == weights.read_bytes()
    with pytest.raises(CheckpointError, match=r'must be a file of torch\.save'):
        read_checkpoint(address, trust=True)  # looks again at what is there


@pytest.mark.parametrize('trust', [False, True])
@pytest.mark.parametrize(
    ('name', 'ending', 'sha256'),
    [
        (f'net-{OTHER[:8]}_20210624.pth', '', None),
        ('weights.pth', f'#sha256={OTHER}', None),
        ('net-{digits}.pth', '', OTHER[:10]),
    ],
)
def test_other_digits_are_refused_with_both(web, weights, name, ending, sha256, trust, cache):
    address, digest = web.publish(weights, name)
    with pytest.raises(CheckpointError, match=rf'SHA-256 {OTHER[:8]}\S*, got {digest}'):
        fetch_checkpoint(address + ending, sha256, trust)
    assert cache() == []


@pytest.mark.parametrize('folder', ['cut', 'broken'])
def test_a_download_that_is_not_whole_is_refused_with_both_digits(web, weights, folder, cache):
    address, digest = web.publish(weights, f'{folder}/net-{{digits}}.pth')
    with pytest.raises(CheckpointError, match=f'SHA-256 {digest[:8]}') as caught:
        fetch_checkpoint(address)
    came = re.search(r'got a part, ([\d,]+).* bytes, whose SHA-256 is (\w{64})', str(caught.value))
    assert 0 < int(came[1].replace(',', '')) < weights.stat().st_size
    assert came[2] != digest
    assert cache() == []
    with pytest.raises(CheckpointError, match='as a whole'):
        fetch_checkpoint(web.publish(weights, f'{folder}/a.pth')[0], trust=True)


def test_a_download_that_is_ended_leaves_nothing(web, weights, monkeypatch, tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('posenas.utils.download._write', interrupt)
    address, _ = web.publish(weights, 'net-{digits}.pth')
    with pytest.raises(KeyboardInterrupt):
        fetch_checkpoint(address)
    assert {path.name for path in (tmp_path / 'cache').rglob('*') if path.is_file()} == {'.lock'}


def test_a_damaged_file_of_the_cache_is_downloaded_again(web, weights):
    address, _ = web.publish(weights, 'net-{digits}.pth')
    path = fetch_checkpoint(address)
    path.write_bytes(b'half')
    assert fetch_checkpoint(address).read_bytes() == weights.read_bytes()
    assert len(web.requests) == 2


def test_few_digits_find_only_what_came_from_the_same_address(web, weights):
    address, digest = web.publish(weights, 'net-{digits}.pth')
    fetch_checkpoint(address)
    other, came = web.publish(b'of somebody else', f'other-{digest[:8]}.pth')
    with pytest.raises(CheckpointError, match=came):
        fetch_checkpoint(other)
    # all digits are the file itself, wherever it came from
    assert fetch_checkpoint(f'{other}#sha256={digest}').read_bytes() == weights.read_bytes()


def test_processes_of_one_machine_download_once(web, weights):
    pytest.importorskip('fcntl')
    address, _ = web.publish(weights, 'net-{digits}.pth')
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(fetch_checkpoint(address))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(web.requests) == 1


def test_a_trusted_download_is_data_all_the_same(web, tmp_path):
    write_zip(tmp_path / 'bad.pth', pickled(gadgets(tmp_path / 'ran')['os.system']))
    address, digest = web.publish(tmp_path / 'bad.pth')
    for options in (dict(trust=True), dict(sha256=digest)):
        with pytest.raises(CheckpointError, match=r'os\.system'):
            read_checkpoint(address, **options)
    assert not (tmp_path / 'ran').exists()


def test_files_are_checked_when_digits_are_given(weights):
    with pytest.raises(CheckpointError, match=rf'SHA-256 {OTHER}, got \w{{64}}'):
        read_checkpoint(weights, sha256=OTHER)
    assert fetch_checkpoint(weights) == weights
    assert pin_checkpoint(str(weights)) == str(weights)
    with pytest.raises(CheckpointError, match='no checkpoint file'):
        fetch_checkpoint(weights.with_name('none.pth'), OTHER)


@pytest.mark.parametrize(
    ('ending', 'sha256', 'message'),
    [
        ('#sha256=nonsense', None, "#sha256= must be the SHA-256 of the file.*got 'nonsense'"),
        ('#sha256=', None, "got ''"),
        ('#md5=0123456789', None, "got 'md5=0123456789'"),
        ('', '0123', "sha256 must be .*got '0123'"),
        ('none.pth', OTHER, 'must be reachable, got: HTTP Error 404'),
    ],
)
def test_what_cannot_be_is_named(web, weights, ending, sha256, message):
    address, _ = web.publish(weights)
    with pytest.raises(CheckpointError, match=message):
        fetch_checkpoint(address + ending, sha256)


@pytest.mark.parametrize('address', ['http://127.0.0.1:1/net-01234567.pth', 'https://[bad/a.pth'])
def test_servers_that_do_not_answer_are_named(address, tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with pytest.raises(CheckpointError, match=r'must be reachable|must be an address'):
        fetch_checkpoint(address, OTHER)


def test_addresses_in_a_config_are_pinned_where_they_name_checkpoints(web, weights):
    address, digest = web.publish(weights)
    named, _ = web.publish(weights, 'net-{digits}.pth')
    cfg = dict(
        load_from=named,
        model=dict(
            backbone=dict(init_cfg=[dict(type='Pretrained', checkpoint=address)]),
            teacher_checkpoint='local.pth',
        ),
        homepage=address,
    )
    with pytest.raises(CheckpointError, match=digest):
        pin_addresses(cfg)
    pin_addresses(cfg, trust=True)
    assert cfg['load_from'] == f'{named}#sha256={digest}'
    assert cfg['model']['backbone']['init_cfg'][0]['checkpoint'] == f'{address}#sha256={digest}'
    assert (cfg['model']['teacher_checkpoint'], cfg['homepage']) == ('local.pth', address)


def test_names_of_stores_are_those_of_mmengine():
    torchvision = find_in_store('torchvision://resnet50')
    assert torchvision == 'https://download.pytorch.org/models/resnet50-0676ba61.pth'
    assert find_in_store('modelzoo://resnet50') == torchvision
    renamed = find_in_store('open-mmlab://resnet50_caffe')
    assert renamed == find_in_store('openmmlab://detectron/resnet50_caffe')
    assert '/mobilenet_v2' in find_in_store('mmcls://mobilenet_v2')
    assert find_in_store('s3://bucket/a.pth') is find_in_store('a.pth') is None


def test_a_path_is_no_address():
    assert is_address('https://a/b.pth')
    assert not any(map(is_address, ['a.pth', 'httpdocs/a.pth', 's3://a', Path('http://a')]))
