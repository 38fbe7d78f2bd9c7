"""Distillation from the command line: two ordinary configs become one, and it runs."""

import os
import subprocess
import sys

import pytest
import torch
import yaml
from convert import yaml_samples
from mmengine.config import Config
from registry_cases import TINY_MODEL, tiny_experiment
from source_files import ROOT
from tiny_data import write_mpii_people, write_people

from posenas.cli import main
from posenas.cli.distill import build_parser, compose
from posenas.convert import export_state_dict
from posenas.registry import MODELS
from posenas.utils.errors import ConfigError


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Student and teacher configs, weights of the teacher; the current folder is theirs."""
    monkeypatch.chdir(tmp_path)
    tiny_experiment(tmp_path).dump('student.py')
    teacher = dict(TINY_MODEL, backbone=dict(TINY_MODEL['backbone'], channels=(24, 16)))
    Config(dict(default_scope='posenas', model=teacher)).dump('teacher.py')
    torch.save(dict(state_dict=MODELS.build(teacher).state_dict()), 'teacher.pth')
    return tmp_path


WORDS = (
    '--student',
    'student.py',
    '--teacher',
    'teacher.py',
    '--teacher-checkpoint',
    'teacher.pth',
)


def composed(*words):
    return compose(build_parser().parse_args([*WORDS, *words]))


def test_two_configs_become_one(files):
    cfg = composed('--alpha', '0.25', '--student-checkpoint', 'own.pth')
    student = Config.fromfile('student.py')
    assert cfg.model.type == 'FPDDistiller'
    assert cfg.model.student == student.model
    assert cfg.model.teacher == Config.fromfile('teacher.py').model
    assert (cfg.model.teacher_checkpoint, cfg.model.student_checkpoint) == (
        'teacher.pth',
        'own.pth',
    )
    assert cfg.model.loss == dict(type='FPDLoss', alpha=0.25)
    assert cfg.custom_hooks[-1].type == 'DistillStateHook'
    kept = ('train_dataloader', 'optim_wrapper', 'train_cfg', 'val_dataloader', 'val_evaluator')
    assert all(cfg[key] == student[key] for key in kept)
    assert cfg.filename == 'student_fpd.py'


def test_overrides_reach_the_student_and_what_is_composed(files):
    cfg = composed('--cfg-options', 'train_cfg.max_epochs=7', 'model.teacher_flip_test=True')
    assert cfg.train_cfg.max_epochs == 7
    assert cfg.model.teacher_flip_test is True
    with pytest.raises(ConfigError, match='teacher_fliptest'):
        composed('--cfg-options', 'model.teacher_fliptest=True')


def test_weights_that_the_training_starts_from_are_those_of_the_student(files):
    cfg = composed('--cfg-options', 'load_from=start.pth')
    assert (cfg.model.student_checkpoint, cfg.load_from) == ('start.pth', None)


def test_a_teacher_may_have_been_distilled_itself(files):
    composed().dump('chain.py')
    words = ('--student', 'student.py', '--teacher', 'chain.py', '--teacher-checkpoint', 'x.pth')
    cfg = compose(build_parser().parse_args(words))
    assert cfg.model.teacher == Config.fromfile('student.py').model
    with pytest.raises(ConfigError, match='ordinary training'):
        compose(build_parser().parse_args([*words[2:], '--student', 'chain.py']))


def test_a_teacher_needs_weights(files):
    with pytest.raises(ConfigError, match='teacher_checkpoint must be given'):
        compose(build_parser().parse_args(WORDS[:4]))


@pytest.mark.parametrize(
    ('words', 'share'), [((), 1), (('--labelled-per-batch', '1'), 1)], ids=['half', 'as given']
)
def test_images_without_labels_are_mixed_in(files, words, share):
    write_people(files / 'more')
    cfg = composed('--unlabelled', 'more/people.json', '--unlabelled-images', 'more', *words)
    labelled, unlabelled = cfg.train_dataloader.dataset.datasets
    assert labelled == Config.fromfile('student.py').train_dataloader.dataset
    assert unlabelled.type == 'UnlabelledTopdownDataset'
    assert unlabelled.layout == 'coco'
    assert unlabelled.data_prefix.img == 'more'
    assert unlabelled.pipeline == labelled.pipeline
    assert cfg.train_dataloader.sampler == dict(
        type='LabelledRatioSampler', labelled_per_batch=share
    )


def test_training_can_do_without_labels(files):
    write_mpii_people(files / 'mpii')
    cfg = composed('--unlabelled', 'mpii/people.json', '--labelled-per-batch', '0')
    dataset = cfg.train_dataloader.dataset
    assert (dataset.type, dataset.layout) == ('UnlabelledTopdownDataset', 'mpii')
    assert dataset.data_prefix.img == str(files)
    assert cfg.train_dataloader.sampler.type == 'DefaultSampler'


@pytest.mark.parametrize(
    ('words', 'match'),
    [
        (('--unlabelled', 'absent.json'), 'readable'),
        (('--unlabelled', 'people.json', '--labelled-per-batch', '2'), 'below the batch size 2'),
    ],
)
def test_impossible_mixtures_are_refused(files, words, match):
    with pytest.raises(ConfigError, match=match):
        composed(*words)


def test_a_number_below_zero_is_a_usage_error(files, capsys):
    with pytest.raises(SystemExit):
        composed('--unlabelled', 'people.json', '--labelled-per-batch', '-1')
    assert '--labelled-per-batch must be at least 0' in capsys.readouterr().err


def test_two_files_of_the_published_code_become_a_distillation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kd = dict(TRAIN_TYPE='FPD', TEACHER='t.pth', ALPHA=0.4)
    student = yaml_samples.hourglass(4, 128, KD=kd)
    student['TRAIN']['CHECKPOINT'] = 's.pth'
    (tmp_path / 's.yaml').write_text(yaml.safe_dump(student))
    extra = dict(MODEL=dict(EXTRA=dict(NUM_STACKS=8, NUM_FEATURES=256)))
    (tmp_path / 't.yaml').write_text(yaml.safe_dump(extra))
    cfg = compose(build_parser().parse_args(['--student', 's.yaml', '--teacher', 't.yaml']))
    model = cfg.model
    assert (model.student.backbone.num_stacks, model.teacher.backbone.num_stacks) == (4, 8)
    assert (model.teacher_checkpoint, model.student_checkpoint) == ('t.pth', 's.pth')
    assert model.loss.alpha == 0.4
    again = compose(
        build_parser().parse_args(['--student', 's.yaml', '--teacher', 't.yaml', '--alpha', '1'])
    )
    assert again.model.loss.alpha == 1


def test_the_command_trains_resumes_and_writes_the_config(files):
    write_people(files / 'more', seed=1)
    mixed = ('--unlabelled', 'more/people.json', '--unlabelled-images', 'more')
    hook = 'default_hooks.checkpoint'
    best = (f'{hook}.type=CheckpointHook', f'{hook}.save_best=PCK', f'{hook}.rule=greater')
    common = ['distill', *WORDS, *mixed, '--seed', '3', '--cfg-options', *best]
    for work_dir, epochs, start in (('a', 2, []), ('b', 1, []), ('b', 2, ['--resume'])):
        words = [f'train_cfg.max_epochs={epochs}', '--work-dir', work_dir, *start]
        assert main([*common, *words]) == 0
    straight, resumed = (
        torch.load(files / name / 'epoch_2.pth', weights_only=True)['state_dict'] for name in 'ab'
    )
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)
    assert main(['test', 'student.py', 'a/student_best.pth', '--work-dir', 'test']) == 0
    assert main([*common, '--out', 'written.py']) == 0
    assert main(['train', 'written.py', '--work-dir', 'c', '--seed', '3']) == 0


def test_weights_under_the_names_of_other_projects_teach_too(files, capsys):
    weights = torch.load('teacher.pth', weights_only=True)['state_dict']
    published = export_state_dict(weights, 'mmpose0')
    assert published.keys() != weights.keys()
    torch.save(dict(meta={}, state_dict=published), 'published.pth')
    words = ['distill', *WORDS[:4], '--seed', '3', '--no-validate']
    for name in ('teacher', 'published'):
        ends = ('--teacher-checkpoint', f'{name}.pth', '--work-dir', name)
        assert main([*words, *ends]) == 0
    first, second = (
        torch.load(files / name / 'epoch_1.pth', weights_only=True)['state_dict']
        for name in ('teacher', 'published')
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
    torch.save(dict(state_dict=MODELS.build(TINY_MODEL).state_dict()), 'other.pth')
    assert main([*words, '--teacher-checkpoint', 'other.pth', '--work-dir', 'c']) == 2
    assert 'other.pth' in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_distil_together(files):
    write_people(files / 'more', seed=1)
    command = [
        *(sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2'),
        *('-m', 'posenas', 'distill', *WORDS, '--launcher', 'pytorch'),
        *('--unlabelled', 'more/people.json', '--unlabelled-images', 'more', '--work-dir', 'run'),
    ]
    env = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
    done = subprocess.run(command, cwd=files, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    state = torch.load(files / 'run' / 'epoch_1.pth', weights_only=True)['state_dict']
    assert all(name.startswith('student.') for name in state)
