"""Configs that name packages of OpenMMLab work where those are absent, or broken."""

import sys

import pytest

from posenas.utils import ConfigError
from posenas.utils.config import load_config
from posenas.utils.config_check import verify_config
from posenas.utils.openmmlab import _try_import, is_usable

#: Faults that a check must not see: each text once was one.
SOUND = {
    'pipelines inside of hooks': """
custom_hooks = [dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=[
    dict(type='LoadImage'), dict(type='Albumentation', transforms=[
        dict(type='Blur', p=0.1), dict(type='OneOf', transforms=[dict(type='MedianBlur')])])])]
""",
    'keypoints in two forms': """
val_evaluator = dict(type='CocoMetric', pred_converter=dict(type='KeypointConverter',
    num_keypoints=3, mapping=[(0, 0), ((1, 2), 1)]))
train_dataloader = dict(batch_size=1, num_workers=0, dataset=dict(type='CocoDataset', pipeline=[
    dict(type='KeypointConverter', num_keypoints=3, mapping=[(0, 0), ((1, 2), 1), (3, 2)])]))
""",
    'variables near a key': """
val_cofw = dict(type='COFWDataset', ann_file='cofw.json')
max_epoch = 20
val_dataloader = dict(batch_size=1, num_workers=0, dataset=val_cofw)
train_cfg = dict(max_epochs=max_epoch, val_interval=10)
""",
    'length of a training inside of a distiller': """
train_cfg = dict(max_epochs=60, val_interval=10)
model = dict(type='DWPoseDistiller', teacher_cfg='a.py', student_cfg='b.py', train_cfg=train_cfg)
""",
}


@pytest.mark.parametrize('title', SOUND)
def test_what_is_right_is_no_fault(tmp_path, title):
    (tmp_path / 'config.py').write_text(SOUND[title])
    verify_config(load_config(tmp_path / 'config.py'))


def test_a_slip_that_nothing_reads_is_still_a_fault(tmp_path):
    (tmp_path / 'config.py').write_text('val_cgf = dict()\n')
    with pytest.raises(ConfigError, match="did you mean 'val_cfg'"):
        verify_config(load_config(tmp_path / 'config.py'))


def test_faults_that_are_not_listed_are_counted(tmp_path):
    hooks = [dict(type=f'NoSuchHook{i}') for i in range(11)]
    (tmp_path / 'config.py').write_text(f'custom_hooks = {hooks}\n')
    with pytest.raises(ConfigError, match='and 3 more'):
        verify_config(load_config(tmp_path / 'config.py'))


def test_a_base_of_mmpose_is_found_in_the_folders_above_or_among_ours(tmp_path):
    config = tmp_path / 'projects' / 'mine' / 'config.py'
    config.parent.mkdir(parents=True)
    config.write_text("_base_ = ['mmpose::_base_/default_runtime.py']\n")
    assert load_config(config).default_scope == 'posenas'
    base = tmp_path / 'configs' / '_base_' / 'default_runtime.py'
    base.parent.mkdir(parents=True)
    base.write_text("default_scope = 'mmpose'\nwork_dir = 'theirs'\n")
    assert load_config(config).work_dir == 'theirs'
    config.write_text("_base_ = ['mmpose::_base_/nothing.py']\n")
    with pytest.raises(ConfigError, match='must be a config of an installed mmpose'):
        load_config(config)


@pytest.mark.parametrize('text', [None, '', 'assert False, "mmcv is too old"\n'])
def test_a_folder_called_mmpose_or_a_broken_copy_is_no_mmpose(tmp_path, monkeypatch, text):
    (tmp_path / 'mmpose').mkdir()
    if text is not None:
        (tmp_path / 'mmpose' / '__init__.py').write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    _try_import.cache_clear()
    assert not is_usable('mmpose')
    modules = ['mmpose.engine.optim_wrappers.layer_decay_optim_wrapper']
    lines = ["default_scope = 'mmpose'", "model = dict(type='mmpose.TopdownPoseEstimator')"]
    lines += [f'custom_imports = dict(imports={modules}, allow_failed_imports=False)']
    (tmp_path / 'config.py').write_text('\n'.join(lines))
    assert load_config(tmp_path / 'config.py').model.type == 'TopdownPoseEstimator'
    sys.modules.pop('mmpose', None)


def test_other_configs_are_found_from_the_folders_above_and_absent_services_are_the_disk(tmp_path):
    config = tmp_path / 'configs' / 'dwpose' / 'config.py'
    config.parent.mkdir(parents=True)
    (tmp_path / 'configs' / 'teacher.py').write_text('')
    config.write_text(
        "model = dict(teacher_cfg='configs/teacher.py', student_cfg='configs/student.py')\n"
        "backend_args = dict(backend='petrel', path_mapping=dict())\n"
    )
    cfg = load_config(config)
    assert cfg.model.teacher_cfg == str(tmp_path / 'configs' / 'teacher.py')
    assert cfg.model.student_cfg == 'configs/student.py'
    assert cfg.backend_args == dict(backend='local')


def test_a_config_of_data_names_no_code_above_it(tmp_path, monkeypatch):
    (tmp_path / 'files').mkdir()
    (tmp_path / 'files' / 'teacher.py').write_text('raise SystemExit\n')
    config = tmp_path / 'files' / 'config.json'
    config.write_text('{"model": {"type": "DWPoseDistiller", "teacher_cfg": "teacher.py"}}')
    monkeypatch.chdir(tmp_path)
    assert load_config(config).model.teacher_cfg == 'teacher.py'


def test_an_old_config_for_whole_images_is_named_as_what_it_is(tmp_path):
    from posenas.apis import load_checked

    data = dict(train=dict(type='BottomUpCocoDataset'), test=dict())
    model = dict(type='AssociativeEmbedding')
    (tmp_path / 'old.py').write_text(f'data = {data}\nmodel = {model}\n')
    with pytest.raises(
        ConfigError, match=r'MMPose 0\.x for AssociativeEmbedding: only configs for'
    ):
        load_checked(tmp_path / 'old.py')
