"""Saving and finding checkpoints."""

import os
import re
import shutil

import numpy as np
import pytest
from torch import nn
from utils.hostile import training_checkpoint

from posenas.utils import (
    CheckpointError,
    OutputError,
    find_latest_checkpoint,
    load_checkpoint_file,
    save_checkpoint,
    write_last_checkpoint,
)
from posenas.utils.checkpoint import publish_checkpoint


def save_step(folder, iteration, name=None, **changes):
    """Save a resumable checkpoint of ``iteration`` and return its path."""
    checkpoint = training_checkpoint()
    checkpoint['meta']['iter'] = iteration
    path = folder / (name or f'iter_{iteration}.pth')
    save_checkpoint({**checkpoint, **changes}, path)
    return path


def test_saving_leaves_the_object_as_it_was(tmp_path):
    checkpoint = training_checkpoint()
    keys = list(checkpoint['message_hub']['log_scalars'])
    kind = type(checkpoint['message_hub']['log_scalars'][keys[0]])
    save_checkpoint(checkpoint, tmp_path / 'a.pth')
    assert type(checkpoint['message_hub']['log_scalars'][keys[0]]) is kind
    assert isinstance(checkpoint['meta']['dataset_meta']['s'], np.ndarray)


def test_what_cannot_be_saved_leaves_the_old_file(tmp_path):
    path = save_step(tmp_path, 1)
    with pytest.raises(CheckpointError, match=r"checkpoint\['model'\].*Conv2d"):
        save_checkpoint(dict(model=nn.Conv2d(1, 1, 1)), path)
    assert load_checkpoint_file(path)['meta']['iter'] == 1
    assert os.listdir(tmp_path) == [path.name]


def test_a_work_dir_below_a_file_is_an_output_error(tmp_path):
    (tmp_path / 'work').write_text('')
    with pytest.raises(OutputError, match='work is a file'):
        save_checkpoint({}, tmp_path / 'work' / 'a.pth')


def test_published_weights_carry_the_start_of_their_checksum(tmp_path):
    import hashlib

    path = publish_checkpoint(
        dict(state_dict=nn.Conv2d(1, 1, 1).state_dict()), tmp_path / 'epoch_3.pth'
    )
    digits = re.fullmatch(r'epoch_3-([0-9a-f]{8})\.pth', path.name)[1]
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(digits)


def test_the_last_checkpoint_is_found_after_the_folder_has_moved(tmp_path):
    work_dir = tmp_path / 'work'
    work_dir.mkdir()
    save_step(work_dir, 7, 'newer_but_not_named.pth')
    write_last_checkpoint(work_dir, save_step(work_dir, 5))
    assert (work_dir / 'last_checkpoint').read_text() == 'iter_5.pth'
    shutil.move(work_dir, tmp_path / 'moved')
    assert find_latest_checkpoint(tmp_path / 'moved') == str(tmp_path / 'moved' / 'iter_5.pth')


def test_relative_work_dirs_and_checkpoints_elsewhere_are_recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'work').mkdir()
    (tmp_path / 'other').mkdir()
    save_step(tmp_path / 'work', 5)
    write_last_checkpoint('work', 'work/iter_5.pth')
    assert find_latest_checkpoint('work') == 'work/iter_5.pth'
    outside = save_step(tmp_path / 'other', 6)
    write_last_checkpoint('work', 'other/iter_6.pth')
    assert find_latest_checkpoint('work') == str(outside)


def test_absolute_names_of_mmengine_are_found_in_a_moved_folder(tmp_path):
    path = save_step(tmp_path, 5)
    (tmp_path / 'last_checkpoint').write_text(str(path))
    assert find_latest_checkpoint(tmp_path) == str(path)
    (tmp_path / 'last_checkpoint').write_text('/gone/run/iter_5.pth')
    assert find_latest_checkpoint(tmp_path) == str(path)


@pytest.mark.parametrize(
    'last', [None, b'', b'iter_9.pth', b'truncated.pth', b'\xff\xfe', b'a\0b', b'.', b'../..']
)
def test_without_a_usable_name_the_furthest_whole_checkpoint_is_taken(tmp_path, last):
    save_step(tmp_path, 10)
    wanted = save_step(tmp_path, 20)
    os.utime(wanted, (1, 1))  # a copied folder has other times
    late = save_step(tmp_path, 30)
    late.write_bytes(late.read_bytes()[:-100])
    flipped = save_step(tmp_path, 40)
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 255
    flipped.write_bytes(data)
    save_step(tmp_path, 50, 'best_PCK_epoch_5.pth')
    save_checkpoint(dict(state_dict={}, meta=dict(iter=60)), tmp_path / 'epoch_6-01234567.pth')
    (tmp_path / 'truncated.pth').write_bytes(wanted.read_bytes()[:500])
    if last is not None:
        (tmp_path / 'last_checkpoint').write_bytes(last)
    assert find_latest_checkpoint(tmp_path) == str(wanted)


def test_a_folder_without_checkpoints_has_no_latest_one(tmp_path):
    assert find_latest_checkpoint(tmp_path) is None
    assert find_latest_checkpoint(tmp_path / 'missing') is None
    (tmp_path / 'epoch_1.pth').write_bytes(b'PK')
    assert find_latest_checkpoint(tmp_path) is None
