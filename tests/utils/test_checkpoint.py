"""Saving, finding and loading checkpoints."""

import os
import re
import shutil

import numpy as np
import pytest
import torch
from torch import nn
from utils.hostile import training_checkpoint

from posenas.utils import (
    CheckpointError,
    OutputError,
    find_latest_checkpoint,
    load_checkpoint_file,
    load_state,
    save_checkpoint,
    write_last_checkpoint,
)
from posenas.utils.checkpoint import publish_checkpoint


class Pose(nn.Module):
    """Smallest model with the names of an estimator."""

    def __init__(self, joints=17, width=4):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
        self.head = nn.Module()
        self.head.final_layer = nn.Conv2d(width, joints, 1)


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

    path = publish_checkpoint(dict(state_dict=Pose().state_dict()), tmp_path / 'epoch_3.pth')
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


@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize('bare', [True, False])
def test_weights_are_copied_from_checkpoints_and_bare_state_dicts(prefix, bare):
    source, target = Pose(), Pose()
    weights = {prefix + name: value for name, value in source.state_dict().items()}
    report = load_state(target, weights if bare else dict(state_dict=weights, meta={}))
    assert report.is_exact
    for have, want in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
        assert torch.equal(have, want)


def test_counters_that_old_checkpoints_lack_are_not_missing():
    weights = {k: v for k, v in Pose().state_dict().items() if 'num_batches' not in k}
    assert load_state(Pose(), weights).is_exact


def test_differences_are_listed_by_name_and_nothing_is_copied():
    model, weights = Pose(), Pose().state_dict()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    del weights['backbone.0.bias']
    weights['backbone.9.weight'] = torch.zeros(1)
    weights['backbone.1.bias'] = torch.zeros(5)
    with pytest.raises(CheckpointError) as caught:
        load_state(model, weights)
    for part in (
        '1 missing: backbone.0.bias',
        '1 unexpected: backbone.9.weight',
        'shape of backbone.1.bias: (5,) in the checkpoint, (4,) in the model',
    ):
        assert part in str(caught.value)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_without_strict_what_fits_is_copied_and_the_rest_reported(monkeypatch):
    logged = []
    monkeypatch.setattr(
        'posenas.utils.checkpoint.print_log', lambda text, *_, **__: logged.append(text)
    )
    source, target = Pose(joints=14), Pose(joints=17)
    report = load_state(target, source.state_dict(), strict=False)
    assert 'predicts 14 keypoints, the model 17' in logged[0]
    assert [name for name, *_ in report.misshapen] == [
        'head.final_layer.weight',
        'head.final_layer.bias',
    ]
    assert torch.equal(target.backbone[0].weight, source.backbone[0].weight)


def test_another_number_of_joints_is_named():
    with pytest.raises(CheckpointError, match='predicts 14 keypoints, the model 17'):
        load_state(Pose(17), Pose(14).state_dict())


@pytest.mark.parametrize('strict', [True, False])
def test_a_checkpoint_of_another_family_is_named_by_its_config(strict):
    cfg = "model = dict(backbone=dict(type='LiteHRNet', extra=[1]))\nimport os\nos.abort()"
    checkpoint = dict(state_dict={'backbone.stem.w': torch.zeros(1)}, meta=dict(cfg=cfg))
    with pytest.raises(CheckpointError, match=r'0 of its 9 weights.*trained with LiteHRNet'):
        load_state(Pose(), checkpoint, strict=strict)


@pytest.mark.parametrize('cfg', [3, 'model = 3', 'model = dict(backbone=dict(type=3))', '\0', '('])
def test_configs_in_checkpoints_that_tell_nothing_do_no_harm(cfg):
    checkpoint = dict(state_dict={'x': torch.zeros(1)}, meta=dict(cfg=cfg))
    with pytest.raises(CheckpointError, match='0 of its 9 weights are there: use'):
        load_state(Pose(), checkpoint)


def test_names_of_mmpose_0_are_told_from_others():
    weights = {k.replace('head.', 'keypoint_head.'): v for k, v in Pose().state_dict().items()}
    with pytest.raises(CheckpointError, match='posenas convert'):
        load_state(Pose(), weights)


@pytest.mark.parametrize(
    'checkpoint', [{}, dict(state_dict={}), dict(model={}, epoch=3), dict(state_dict=dict(a=3))]
)
def test_files_without_weights_are_told(checkpoint):
    with pytest.raises(CheckpointError, match='must hold weights'):
        load_state(Pose(), checkpoint)
