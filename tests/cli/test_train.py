"""Training from the command line: what each option does to the config, and whole runs."""

import shlex
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from registry_cases import tiny_experiment

from posenas.apis.building import load_checked
from posenas.cli import main
from posenas.cli.train import build_parser
from posenas.cli.training import configure


def base():
    return Config(
        dict(
            train_cfg=dict(by_epoch=True, max_epochs=2),
            val_cfg=dict(),
            train_dataloader=dict(batch_size=16),
            val_dataloader=dict(batch_size=4),
            val_evaluator=dict(type='PCKAccuracy'),
            optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3), clip_grad=dict(max_norm=1)),
        )
    )


def configured(*words, **settings):
    cfg = base()
    cfg.merge_from_dict(settings)
    configure(build_parser().parse_args(['config.py', *words]), cfg)
    return cfg


@pytest.fixture
def checkpoint_there(tmp_path, monkeypatch):
    """A folder with a checkpoint."""
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict={}), 'a.pth')


@pytest.mark.usefixtures('checkpoint_there')
@pytest.mark.parametrize(
    ('words', 'resume', 'load_from'),
    [
        ([], None, None),
        (['--resume'], 'auto', None),
        (['--resume', 'a.pth'], True, 'a.pth'),
        (['--resume-from', 'a.pth'], True, 'a.pth'),
        (['--resume_from=a.pth'], True, 'a.pth'),
        (['--load-from', 'a.pth'], False, 'a.pth'),
    ],
)
def test_a_run_starts_where_the_options_say(words, resume, load_from):
    cfg = configured(*words)
    assert (cfg.get('resume'), cfg.get('load_from')) == (resume, load_from)


@pytest.mark.usefixtures('checkpoint_there')
def test_weights_replace_the_resume_of_the_config():
    cfg = configured('--load-from', 'a.pth', resume=True, load_from='b.pth')
    assert (cfg.resume, cfg.load_from) == (False, 'a.pth')


def test_only_one_start_is_accepted():
    with pytest.raises(SystemExit):
        build_parser().parse_args(['c.py', '--resume', 'a.pth', '--load-from', 'b.pth'])


def test_no_validate_removes_all_of_validation():
    cfg = configured('--no-validate')
    assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None


@pytest.mark.parametrize('option', ['--auto-scale-lr', '--autoscale-lr', '--autoscale_lr'])
@pytest.mark.parametrize(
    ('settings', 'base_batch_size'),
    [({}, 8 * 16), (dict(auto_scale_lr=dict(base_batch_size=512)), 512)],
    ids=['eight processes', 'as the config says'],
)
def test_learning_rates_scale_on_request(option, settings, base_batch_size):
    cfg = configured(option, **settings)
    assert dict(cfg.auto_scale_lr) == dict(base_batch_size=base_batch_size, enable=True)


def test_mixed_precision_keeps_the_other_settings_of_the_optimizer():
    cfg = configured('--amp')
    assert cfg.optim_wrapper == dict(base().optim_wrapper, type='AmpOptimWrapper')


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        ([], dict(diff=1, seed=None)),
        (['--seed', '5'], dict(diff=1, seed=5)),
        (['--seed', '0'], dict(diff=1, seed=0)),
        (['--deterministic'], dict(diff=1, seed=None, deterministic=True)),
    ],
)
def test_randomness_is_set_piece_by_piece(words, expected):
    assert dict(configured(*words, randomness=dict(diff=1)).randomness) == expected


def test_compilation_is_switched_on():
    assert configured('--compile').compile is True


def test_gpus_and_gpu_ids_exclude_each_other():
    with pytest.raises(SystemExit):
        build_parser().parse_args(['c.py', '--gpus', '1', '--gpu-ids', '0'])


@pytest.fixture
def experiment(tmp_path):
    path = tmp_path / 'tiny.py'
    tiny_experiment(tmp_path).dump(path)
    return str(path)


def weights(folder, name):
    return torch.load(folder / name, weights_only=True)['state_dict']


def test_a_run_resumed_by_the_command_ends_like_one_that_was_not_interrupted(
    experiment, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    common = ['train', experiment, '--seed', '3', '--no-validate', '--gpu_ids', '0']
    for work_dir, epochs, start in (('a', 2, []), ('b', 1, []), ('b', 2, ['--resume'])):
        options = ['--work-dir', work_dir, '--cfg-options', f'train_cfg.max_epochs={epochs}']
        assert main([*common, *start, *options]) == 0
    straight, resumed = (weights(tmp_path / name, 'epoch_2.pth') for name in 'ab')
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)


def test_options_change_a_whole_run(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ['--amp', '--deterministic', '--auto-scale-lr', '--show-dir', 'drawn', '--gpus', '2']
    try:
        assert main(['train', experiment, '--work_dir', 'run', *words]) == 0
    finally:
        torch.use_deterministic_algorithms(False)
    assert (tmp_path / 'run' / 'tiny.py').is_file()
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()
    assert list((tmp_path / 'drawn').glob('*.jpg'))
    written = Config.fromfile(tmp_path / 'run' / 'tiny.py')
    assert written.randomness.deterministic
    assert written.auto_scale_lr == dict(base_batch_size=16, enable=True)


def test_settings_of_mmpose0_change_a_run_of_today(experiment, tmp_path, capsys):
    words = ['evaluation.interval=2', 'data.samples_per_gpu=4', 'optimizer.lr=0.25']
    words += ['total_epochs=2', 'log_config.interval=1', 'checkpoint_config.interval=2']
    words += ['log_level=INFO']
    run = tmp_path / 'run'
    assert main(['train', experiment, '--work-dir', str(run), '--cfg-options', *words]) == 0
    assert [file.name for file in run.glob('epoch_*.pth')] == ['epoch_2.pth']
    (log,) = run.glob('*/*.log')
    steps = [line for line in log.read_text().splitlines() if 'Epoch(train)' in line]
    assert ['[1][1/1]' in steps[0], '[2][1/1]' in steps[1]] == [True, True]  # 4 people, 4 a step
    assert all('lr: 2.5000e-01' in line for line in steps)
    assert ('Epoch(val) [2][' in log.read_text(), 'Epoch(val) [1][' in log.read_text()) == (1, 0)
    assert main(['train', experiment, '--cfg-options', 'lr_config.policy=poly']) == 2
    assert 'param_scheduler' in capsys.readouterr().err


def test_the_terminal_shows_what_a_person_needs_and_the_log_has_the_rest(
    experiment, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    options = ['--epochs', '2', '--cfg-options', 'log_level=INFO']
    assert main(['train', experiment, '--work-dir', 'run', *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = ['config', 'network', 'training', 'validation', 'schedule', 'device', 'seed', 'log']
    assert [line.split()[0] for line in lines[: len(names)]] == names
    epochs = [line for line in lines if line.startswith('epoch ')]
    assert [line.split()[1] for line in epochs] == ['1/2', '2/2']
    assert all(' loss ' in line and ' PCK ' in line for line in epochs)
    assert epochs[0].endswith(' left')
    assert len(lines) < 25
    (log,) = Path('run').glob('*/*.log')
    assert all(word in log.read_text() for word in ('System environment:', 'Config:'))
    following = shlex.split(lines[-1].removeprefix('next: posenas '))
    assert main(following) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith('  PCK  ') for line in lines)
    assert lines[-1].startswith('next: posenas infer ')


@pytest.mark.parametrize(
    'options',
    [
        ['--load-from', 'tiny.py'],
        ['--cfg-options', 'train_dataloader.batch_size=999', 'train_dataloader.drop_last=True'],
    ],
)
def test_a_training_that_fails_at_once_leaves_no_folder(
    options, experiment, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    assert main(['train', experiment, '--work-dir', 'a/b', *options]) == 2
    assert set(tmp_path.iterdir()) == before
    Path('kept').mkdir()
    Path('kept', 'mine.txt').touch()
    assert main(['train', experiment, '--work-dir', 'kept', *options]) == 2
    assert [path.name for path in Path('kept').iterdir()] == ['mine.txt']


def test_data_are_found_from_any_folder(experiment, tmp_path, monkeypatch, capsys):
    cfg = Config.fromfile(experiment)
    text = Path(experiment).read_text().replace(f'{tmp_path}/', '')
    assert text != Path(experiment).read_text()
    Path(experiment).write_text(text)
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    read = load_checked(experiment).train_dataloader.dataset
    assert Path(read.data_root, read.ann_file) == Path(cfg.train_dataloader.dataset.ann_file)
