"""Reading checkpoints of any origin without running any of them."""

import io
import pickle
import re
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from utils.hostile import (
    Named,
    damage,
    gadgets,
    pickled,
    tensor_pickle,
    training_checkpoint,
    write_legacy,
    write_zip,
)

from posenas.utils import CheckpointError, load_checkpoint_file, save_checkpoint
from posenas.utils.plain_data import restore_history, to_plain

GADGETS = sorted(gadgets(Path('marker')))


@pytest.mark.parametrize('is_zip', [True, False])
def test_checkpoints_of_mmengine_come_as_plain_data(tmp_path, is_zip):
    checkpoint = training_checkpoint()
    path = tmp_path / 'a.pth'
    torch.save(checkpoint, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(Exception, match='weights_only'):
        torch.load(path, weights_only=True)
    loaded = load_checkpoint_file(path)
    assert loaded['meta'] == {**checkpoint['meta'], 'dataset_meta': dict(s=[1.0, 1.0, 1.0])}
    assert loaded['message_hub']['runtime_info'] == dict(best_score=0.5)
    for name, value in checkpoint['state_dict'].items():
        torch.testing.assert_close(loaded['state_dict'][name], value, rtol=0, atol=0)
    restore_history(loaded['message_hub'])
    history = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer)
    np.testing.assert_array_equal(history.data[0], 1 / np.arange(1, 21))


def test_reading_foreign_files_leaves_no_name_allowed(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    torch.save(training_checkpoint(), tmp_path / 'a.pth')
    load_checkpoint_file(tmp_path / 'a.pth')
    assert set(torch.serialization.get_safe_globals()) == before
    assert set(HistoryBuffer._statistics_methods) >= {'min', 'max', 'mean', 'current'}
    assert all(callable(method) for method in HistoryBuffer._statistics_methods.values())


def test_our_own_files_load_anywhere_without_an_allow_list(tmp_path):
    path = tmp_path / 'a.pth'
    save_checkpoint(training_checkpoint(), path)
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == []
    assert torch.load(path, weights_only=True)['meta']['iter'] == 20


@pytest.mark.parametrize('dtype', ['f4', '>f8', 'i8', '<u2', 'b1', 'c16', 'U3', 'S2', 'f2'])
@pytest.mark.parametrize('order', ['C', 'F'])
def test_arrays_of_numbers_and_text_are_read_exactly(tmp_path, dtype, order):
    array = np.asarray([[0, 1, 1], [1, 0, 0]]).astype(dtype).copy(order)
    torch.save(dict(array=array, scalar=array[0, 1]), tmp_path / 'a.pth')
    loaded = load_checkpoint_file(tmp_path / 'a.pth')
    assert loaded == dict(array=array.tolist(), scalar=array[0, 1].item())


def test_names_of_numpy_1_are_known(tmp_path):
    torch.save(dict(a=np.ones(2), b=np.float64(3)), tmp_path / 'new.pth')
    with zipfile.ZipFile(tmp_path / 'new.pth') as archive:
        data = archive.read('new/data.pkl')
    assert b'numpy._core' in data
    write_zip(tmp_path / 'old.pth', data.replace(b'numpy._core', b'numpy.core'))
    assert load_checkpoint_file(tmp_path / 'old.pth') == dict(a=[1.0, 1.0], b=3.0)


def test_arrays_of_objects_are_refused(tmp_path):
    torch.save(dict(a=np.array([None, {}], object)), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match='numbers or text'):
        load_checkpoint_file(tmp_path / 'a.pth')


@pytest.mark.parametrize(
    'name', ['os.system', 'builtins.eval', 'builtins.exec', 'runpy', 'timeit.timeit']
)
def test_the_gadgets_below_are_live(tmp_path, name):
    pickle.loads(pickled(gadgets(tmp_path / 'ran')[name]))  # noqa: S301
    assert (tmp_path / 'ran').exists()


@pytest.mark.parametrize('name', GADGETS)
@pytest.mark.parametrize('form', ['zip', 'legacy', 'plain pickle', 'inside meta'])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, name, form):
    marker, path = tmp_path / 'ran', tmp_path / 'bad.pth'
    gadget = gadgets(marker)[name]
    if form == 'inside meta':
        data = pickled(dict(meta=dict(epoch=1, note=gadget), state_dict={}))
    else:
        data = pickled(gadget)
    if form == 'plain pickle':
        path.write_bytes(data)
    elif form == 'legacy':
        write_legacy(path, data)
    else:
        write_zip(path, data)
    with pytest.raises(CheckpointError, match=re.escape(str(path))):
        load_checkpoint_file(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ('gadget', 'named'),
    [
        (Named('os.system', 'true'), 'os.system'),
        (Named('builtins.eval', '1'), 'builtins.eval'),
        (Named('some_package.Thing'), 'some_package.Thing'),
    ],
)
def test_the_refusal_names_what_was_asked_for(tmp_path, gadget, named):
    write_zip(tmp_path / 'bad.pth', pickled(dict(a=gadget)))
    with pytest.raises(CheckpointError, match=f'asks for {named}.*posenas convert --trust'):
        load_checkpoint_file(tmp_path / 'bad.pth')


def test_whole_models_are_refused(tmp_path):
    torch.save(torch.nn.Linear(1, 1), tmp_path / 'model.pth')
    with pytest.raises(CheckpointError, match=r'torch\.nn\.modules\.linear\.Linear'):
        load_checkpoint_file(tmp_path / 'model.pth')


@pytest.mark.parametrize(
    ('numel', 'size', 'stride'),
    [
        (10**12, (4,), (1,)),
        (10**12, (10**12,), (1,)),
        (4, (10**12,), (1,)),
        (4, (10**12,), (0,)),
        (4, (2**62,), (0,)),
        (400, (400,), (1,)),
        (-5, (4,), (1,)),
        (4, (4,), (-1,)),
        (4, (-1,), (1,)),
    ],
)
def test_declared_sizes_must_be_those_of_the_file(tmp_path, numel, size, stride):
    path = tmp_path / 'huge.pth'
    write_zip(path, tensor_pickle(numel, size, stride), _0=bytes(16))
    start = time.perf_counter()
    with pytest.raises(CheckpointError, match=r'huge\.pth'):
        load_checkpoint_file(path)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize('numel', [10**9, 10**12, 2**62, -5])
def test_declared_sizes_of_the_older_form_must_be_those_of_the_file(tmp_path, numel):
    data = tensor_pickle(numel, (4,), (1,), is_zip=False)
    write_legacy(tmp_path / 'huge.pth', data, ['0'], struct.pack('<q', numel) + bytes(16))
    start = time.perf_counter()
    with pytest.raises(CheckpointError, match=r'huge\.pth'):
        load_checkpoint_file(tmp_path / 'huge.pth')
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize('is_zip', [True, False])
def test_an_honest_tensor_of_the_same_form_loads(tmp_path, is_zip):
    data = tensor_pickle(4, (2, 2), (2, 1), is_zip)
    if is_zip:
        write_zip(tmp_path / 'a.pth', data, _0=bytes(16))
    else:
        write_legacy(tmp_path / 'a.pth', data, ['0'], struct.pack('<q', 4) + bytes(16))
    loaded = load_checkpoint_file(tmp_path / 'a.pth')
    assert loaded['state_dict']['a'].tolist() == [[0, 0], [0, 0]]


def _repacked(tmp_path, change):
    """Write a sound checkpoint, then copy its archive entry by entry through ``change``."""
    save_checkpoint(dict(state_dict=dict(a=torch.zeros(1000))), tmp_path / 'good.pth')
    path = tmp_path / 'bad.pth'
    with zipfile.ZipFile(tmp_path / 'good.pth') as source, zipfile.ZipFile(path, 'w') as target:
        for entry in source.infolist():
            change(target, entry.filename, source.read(entry))
    return path


def _compress(target, name, content):
    target.writestr(name, content, compress_type=zipfile.ZIP_DEFLATED)


def _add_outside(target, name, content):
    target.writestr(name, content)
    if name.endswith('data.pkl'):
        target.writestr('../../outside', b'x')


def _add_absolute(target, name, content):
    target.writestr(name, content)
    if name.endswith('data.pkl'):
        target.writestr('/outside', b'x')


def _add_twice(target, name, content):
    target.writestr(name, content)
    if name.endswith('data.pkl'):
        with pytest.warns(UserWarning, match='Duplicate'):
            target.writestr(name, content)


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (_compress, 'stored as it is'),
        (_add_outside, 'leads out of the archive'),
        (_add_absolute, 'leads out of the archive'),
        (_add_twice, 'two entries of one name'),
    ],
)
def test_archives_with_tricks_are_refused(tmp_path, change, reason):
    path = _repacked(tmp_path, change)
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint_file(path)
    assert sorted(item.name for item in tmp_path.parent.iterdir() if item.name == 'outside') == []


def test_a_flipped_bit_in_a_weight_is_found(tmp_path):
    path = tmp_path / 'a.pth'
    save_checkpoint(dict(state_dict=dict(a=torch.full((1000,), 3.0))), path)
    data = bytearray(path.read_bytes())
    place = bytes(data).index(bytes(torch.full((8,), 3.0).numpy()))
    data[place + 1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r'a\.pth.*damaged'):
        load_checkpoint_file(path)


@pytest.mark.parametrize('name', ['missing.pth', '', 'folder'])
def test_missing_files_are_named(tmp_path, name):
    (tmp_path / 'folder').mkdir()
    with pytest.raises(CheckpointError, match='no checkpoint file'):
        load_checkpoint_file(tmp_path / name)


@pytest.mark.parametrize(
    'content',
    [b'PK\x03\x04', b'\x80\x02N.', pickle.dumps({}, 4)],
)
@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
def test_what_is_no_checkpoint_is_named(tmp_path, content):
    path = tmp_path / 'a.pth'
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match='damaged or no checkpoint') as caught:
        load_checkpoint_file(path)
    assert 'weights_only' not in str(caught.value)


@pytest.mark.parametrize(
    ('name', 'content', 'found'),
    [
        ('a.pth', b'', 'an empty file'),
        ('a.pth', b'<html>', "a file that begins with b'<html>'"),
        ('a.pth', bytes(1000), 'a file that begins with'),
        ('a.onnx', b'\x08\x0a', 'an exported network, which is only run'),
    ],
)
def test_files_of_other_kinds_are_told_apart(tmp_path, name, content, found):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        CheckpointError, match=f'must be a file of torch.save or safetensors, got {found}'
    ):
        load_checkpoint_file(tmp_path / name)


WRONG_TYPES = [
    (None, 3),
    (None, [1]),
    (None, {1: 2}),
    ('state_dict', [1]),
    ('state_dict', {1: torch.zeros(1)}),
    ('ema_state_dict', 'x'),
    ('meta', 'x'),
    ('meta', dict(epoch='3')),
    ('meta', dict(iter=-1)),
    ('meta', dict(iter=True)),
    ('message_hub', []),
    ('message_hub', dict(log_scalars=3)),
    ('message_hub', dict(resumed_keys=[1])),
    ('optimizer', 3),
    ('param_schedulers', 'x'),
]


@pytest.mark.parametrize(('key', 'value'), WRONG_TYPES)
def test_entries_of_a_wrong_type_are_named(tmp_path, key, value):
    checkpoint = value if key is None else {**to_plain(training_checkpoint()), key: value}
    path = tmp_path / 'wrong.pth'
    torch.save(checkpoint, path)
    with pytest.raises(CheckpointError, match=f'wrong.pth.*{key or "dict"}'):
        load_checkpoint_file(path)


def test_deep_nesting_is_refused_not_fatal(tmp_path):
    write_zip(tmp_path / 'deep.pth', b'\x80\x02' + b']' * 100000 + b'a' * 99999 + b'.')
    with pytest.raises(CheckpointError, match=r'deep\.pth'):
        load_checkpoint_file(tmp_path / 'deep.pth')


def test_a_list_of_lists_of_lists_loads_in_no_time(tmp_path):
    bomb = ['x']
    for _ in range(60):
        bomb = [bomb] * 10
    torch.save(dict(bomb=bomb), tmp_path / 'bomb.pth')
    start = time.perf_counter()
    load_checkpoint_file(tmp_path / 'bomb.pth')
    assert time.perf_counter() - start < 5


def _try_load(path):
    try:
        return load_checkpoint_file(path), ''
    except CheckpointError as error:
        return None, str(error)


def _survive(tmp_path, count, seed):
    """Load ``count`` damaged copies in each form; count those that were refused."""
    checkpoint, rng = training_checkpoint(), np.random.default_rng(seed)
    refused, path = 0, tmp_path / 'damaged.pth'
    for number in range(count):
        buffer = io.BytesIO()
        is_zip = number % 3 > 0
        data = checkpoint if number % 2 else to_plain(checkpoint)
        torch.save(data, buffer, _use_new_zipfile_serialization=is_zip)
        path.write_bytes(damage(buffer.getvalue(), rng))
        start = time.perf_counter()
        loaded, reason = _try_load(path)
        refused += loaded is None
        assert loaded is not None or str(path) in reason
        if loaded is not None and is_zip:  # the older form has no checksums
            for name, value in checkpoint['state_dict'].items():
                assert torch.equal(loaded['state_dict'][name], value)
        assert time.perf_counter() - start < 5
    return refused


def test_damaged_checkpoints_are_refused_by_name(tmp_path):
    assert _survive(tmp_path, 75, seed=0) >= 60


@pytest.mark.slow
def test_500_damaged_checkpoints_are_refused_by_name(tmp_path):
    assert _survive(tmp_path, 500, seed=1) >= 400
