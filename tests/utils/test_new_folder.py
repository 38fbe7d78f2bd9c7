"""Folders that are whole or not there."""

import errno
import multiprocessing
import os
import signal

import pytest

from posenas.utils import OutputError
from posenas.utils.new_folder import new_folder

CONTEXT = multiprocessing.get_context('fork')


def write(folder, fault=None):
    with new_folder(folder, last='z') as draft:
        for name in 'az':
            (draft / name).write_text(name)
            assert not folder.exists()
        if fault is not None:
            fault()


def read(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    out = tmp_path / 'out[1]'
    process = CONTEXT.Process(
        target=write, args=(out, lambda: os.kill(os.getpid(), signal.SIGKILL))
    )
    process.start()
    process.join()
    assert [path.suffix for path in tmp_path.iterdir()] == ['.part']
    write(out)
    assert [path.name for path in tmp_path.iterdir()] == ['out[1]']
    assert read(out) == dict(a='a', z='z')


def test_the_draft_of_another_process_stays(tmp_path):
    with new_folder(tmp_path / 'out') as draft:
        write(tmp_path / 'out')
        assert draft.is_dir()
        (tmp_path / 'out' / 'a').unlink()
        (tmp_path / 'out' / 'z').unlink()


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path):
    def fail():
        raise OSError(errno.ENOSPC, 'No space left on device')

    with pytest.raises(OutputError, match='No space left on device'):
        write(tmp_path / 'out', fail)
    assert not list(tmp_path.iterdir())


def test_a_mounted_folder_is_filled_entry_by_entry(tmp_path, monkeypatch):
    out, moved = tmp_path / 'out', []
    out.mkdir()

    def replace(source, target):
        if target == out:
            raise OSError(errno.EBUSY, 'Device or resource busy')
        raise AssertionError

    monkeypatch.setattr('posenas.utils.new_folder.os.replace', replace)
    monkeypatch.setattr(
        'posenas.utils.new_folder.shutil.move',
        lambda source, target: (moved.append(target.name), source.rename(target)),
    )
    with new_folder(out, last='a') as draft:
        for name in 'az':
            (draft / name).write_text(name)
    assert moved == ['z', 'a']
    assert read(out) == dict(a='a', z='z')
