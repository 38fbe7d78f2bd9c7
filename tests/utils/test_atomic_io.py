"""Whole files or none."""

import json
import multiprocessing
import os
import resource
import stat
import sys

import mmengine.fileio
import pytest
from mmengine.fileio import LocalBackend, get_file_backend, register_backend

from posenas.utils import OutputError, atomic_write, make_folder, write_json, write_text
from posenas.utils.atomic_io import remove_leftovers
from posenas.utils.file_backend import AtomicLocalBackend, register_atomic_backend

CONTEXT = multiprocessing.get_context('fork')


def test_text_and_json_come_back_and_missing_folders_are_made(tmp_path):
    write_text(tmp_path / 'a' / 'b.txt', 'Grüße\n')
    write_json(tmp_path / 'c' / 'd.json', dict(ä=[1, None, 2.5]), indent=1)
    assert (tmp_path / 'a' / 'b.txt').read_text(encoding='utf-8') == 'Grüße\n'
    assert json.loads((tmp_path / 'c' / 'd.json').read_text(encoding='utf-8')) == dict(
        ä=[1, None, 2.5]
    )


def test_the_old_file_stands_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'old')
    with atomic_write(path) as file:
        file.write(b'new')
        file.flush()
        assert path.read_bytes() == b'old'
        assert os.path.dirname(file.name) == str(tmp_path)  # one file system: moving is atomic
    assert path.read_bytes() == b'new'
    assert os.listdir(tmp_path) == ['file']


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt, FileNotFoundError(2, 'x', 'y')])
def test_an_error_inside_leaves_the_old_file_and_no_temporary_one(tmp_path, error):
    path = tmp_path / 'file'
    path.write_text('old')
    kind = error if isinstance(error, type) else type(error)

    def write_half():
        with atomic_write(path) as file:
            file.write(b'half')
            raise error

    with pytest.raises(kind):
        write_half()
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['file']


def test_json_without_a_json_form_writes_nothing(tmp_path):
    with pytest.raises(TypeError, match='set'):
        write_json(tmp_path / 'file', {1})
    assert not os.listdir(tmp_path)


def _in_child(function, *arguments):
    """Run ``function`` in a forked process, whose limits do not touch this one."""
    parent, child = CONTEXT.Pipe()

    def run():
        try:
            function(*arguments)
            child.send(None)
        except Exception as error:
            child.send((type(error).__name__, str(error)))

    process = CONTEXT.Process(target=run)
    process.start()
    result = parent.recv()
    process.join()
    return result


def _write_beyond_limit(path, num_bytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))
    write_text(path, 'x' * 10 * num_bytes)


def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path):
    path = tmp_path / 'file'
    path.write_text('old')
    name, text = _in_child(_write_beyond_limit, path, 1000)
    assert name == 'OutputError'
    assert str(path) in text
    assert 'File too large' in text
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['file']


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / 'work').write_text('a file')
    with pytest.raises(OutputError, match='work is a file where a folder must be'):
        write_text(tmp_path / 'work' / 'sub' / 'file', 'x')
    with pytest.raises(OutputError, match='directory'):
        write_text(tmp_path, 'x')
    assert os.listdir(tmp_path) == ['work']


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is of Linux')
def test_an_unwritable_folder_is_an_output_error_and_an_os_error():
    with pytest.raises(OutputError) as caught:
        write_text('/proc/posenas-file', 'x')
    assert isinstance(caught.value, OSError)


def test_folders_are_made_and_tried_before_work_begins(tmp_path):
    assert make_folder(tmp_path / 'a' / 'b') == tmp_path / 'a' / 'b'
    make_folder(str(tmp_path / 'a' / 'b'))
    assert os.listdir(tmp_path / 'a') == ['b']
    assert os.listdir(tmp_path / 'a' / 'b') == []
    (tmp_path / 'file').write_text('')
    for path in (tmp_path / 'file', tmp_path / 'file' / 'sub'):
        with pytest.raises(OutputError, match='file is a file where a folder must be'):
            make_folder(path)


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is of Linux')
@pytest.mark.parametrize('path', ['/proc', '/proc/new'])
def test_folders_that_cannot_be_written_to_are_named(path):
    with pytest.raises(OutputError, match=f'{path} must be a folder to write to'):
        make_folder(path)


def test_symbolic_links_are_followed_and_rights_are_kept(tmp_path):
    real, link = tmp_path / 'real', tmp_path / 'link'
    real.write_text('old')
    real.chmod(0o640)
    link.symlink_to(real)
    write_text(link, 'new')
    assert link.is_symlink()
    assert real.read_text() == 'new'
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_devices_are_written_to_and_not_replaced():
    write_text(os.devnull, 'x')
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path):
    with atomic_write(tmp_path / 'epoch_1.pth') as file:
        leftover = os.path.basename(file.name)
    (tmp_path / leftover).write_text('half')
    (tmp_path / '.other.1234.part').write_text('of another writer')
    remove_leftovers(tmp_path, '*.pth')
    remove_leftovers(tmp_path / 'missing', '*.pth')
    assert sorted(os.listdir(tmp_path)) == ['.other.1234.part', 'epoch_1.pth']


@pytest.fixture
def _restored_backend():
    yield
    register_backend('local', LocalBackend, force=True, prefixes='')


@pytest.mark.usefixtures('_restored_backend')
def test_mmengine_writes_atomically_once_the_backend_is_registered(tmp_path, monkeypatch):
    mmengine.fileio.exists(str(tmp_path), backend_args=None)  # builds and keeps a back end
    register_atomic_backend()
    assert isinstance(get_file_backend(str(tmp_path)), AtomicLocalBackend)
    written = []
    monkeypatch.setattr(
        'posenas.utils.file_backend.write_text',
        lambda path, *_: written.append(str(path)),
    )
    mmengine.fileio.dump({'a': 1}, str(tmp_path / 'a.json'))
    mmengine.fileio.put_text('x', str(tmp_path / 'b.txt'))
    assert written == [str(tmp_path / 'a.json'), str(tmp_path / 'b.txt')]


@pytest.mark.usefixtures('_restored_backend')
def test_bytes_and_text_of_mmengine_come_back(tmp_path):
    register_atomic_backend()
    for put, get, value in [
        (mmengine.fileio.put, mmengine.fileio.get, b'\0\xff'),
        (mmengine.fileio.put_text, mmengine.fileio.get_text, 'ü'),
    ]:
        path = str(tmp_path / 'sub' / 'file')
        put(value, path)
        assert get(path) == value
