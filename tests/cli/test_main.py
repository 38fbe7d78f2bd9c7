"""The dispatcher: which commands there are, and how errors reach the user."""

import subprocess
import sys
from argparse import _SubParsersAction
from importlib import import_module

import pytest
from source_files import PACKAGE, ROOT

from posenas.cli import COMMANDS, find_entry, main
from posenas.version import __version__


def module_of(command):
    return import_module(find_entry(command)[0])


def test_every_module_is_a_command_and_every_command_a_module():
    sources = (PACKAGE / 'cli').glob('[!_]*.py')
    modules = {path.stem for path in sources if '\ndef main(' in path.read_text(encoding='utf-8')}
    assert {find_entry(command)[0].rpartition('.')[2] for command in COMMANDS} == modules


@pytest.mark.parametrize('command', COMMANDS)
def test_a_command_explains_its_options(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, '--help'])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f'usage: posenas {command}' in text
    assert module_of(command).build_parser().description in ' '.join(text.split())


def test_help_lists_every_command_with_its_purpose(capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '80')
    with pytest.raises(SystemExit) as stop:
        main(['--help'])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    words = ' '.join(text.split())
    assert all(f'{name} ' in text and summary in words for name, summary in COMMANDS.items())
    assert main([]) == 0
    assert capsys.readouterr().out == text


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit):
        main(['--version'])
    assert capsys.readouterr().out.strip() == f'posenas {__version__}'


@pytest.mark.parametrize('argv', [['tain'], ['train'], ['train', 'x.py', '--none'], ['--versoin']])
def test_a_wrong_command_line_ends_with_code_2(argv):
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2


def test_an_error_is_one_line(capsys):
    assert main(['train', 'no_such_config.py']) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith('posenas train: error: ')
    assert captured.err.count('\n') == 1
    assert 'no_such_config.py' in captured.err


@pytest.mark.parametrize(
    'argv', [['--traceback', 'train', 'x.py'], ['train', 'x.py', '--traceback']]
)
def test_an_option_shows_the_traceback(argv, capsys):
    assert main(argv) == 2
    shown = capsys.readouterr().err
    assert shown.startswith('Traceback')
    assert 'ConfigError: config file x.py must exist' in shown


def test_the_environment_can_ask_for_tracebacks(monkeypatch, capsys):
    monkeypatch.setenv('POSENAS_DEBUG', '1')
    assert main(['train', 'x.py']) == 2
    assert capsys.readouterr().err.startswith('Traceback')


@pytest.mark.parametrize(
    ('argv', 'meant'),
    [
        (['tain'], 'train'),
        (['--versoin'], '--version'),
        (['dataset', 'synthetc'], 'synthetic'),
        (['browse', 'x.py', '--phase', 'tset'], 'test'),
        (['eval', 'coco', 'a.json', '--gt', 'b.json', '--no-aera'], '--no-area'),
        (['train', 'x.py', '--workdir', 'w'], '--work-dir'),
    ],
)
def test_a_misspelt_word_gets_a_suggestion_in_one_line(argv, meant, capsys):
    with pytest.raises(SystemExit):
        main(argv)
    shown = capsys.readouterr().err
    assert f'did you mean {meant}?' in shown
    assert shown.count('\n') == 1


@pytest.mark.parametrize(
    'command',
    [
        ['-m', 'posenas', 'train', '--help'],
        [str(ROOT / 'tools' / 'train.py'), '--help'],
        [str(ROOT / 'tools' / 'test.py'), '--help'],
        [str(ROOT / 'tools' / 'summary_network.py'), '--help'],
    ],
    ids=['python -m posenas', 'train.py', 'test.py', 'summary_network.py'],
)
def test_launchers_work_from_any_folder(command, tmp_path):
    if command[0] == '-m':
        pytest.importorskip('posenas')
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith('usage: posenas ')


#: What each kind of argument is called in help texts.
CALLED = dict(
    CONFIG=['config', 'student', 'teacher', 'model', 'experiment', 'cfg', 'tcfg'],
    CHECKPOINT=[
        *('checkpoint', 'student_checkpoint', 'teacher_checkpoint', 'resume', 'load_from'),
        *('supernet', 'test_model'),
    ],
)


def list_actions(parser):
    for action in parser._actions:
        yield parser.prog, action
        for inner in action.choices.values() if isinstance(action, _SubParsersAction) else ():
            yield from list_actions(inner)


def test_one_thing_has_one_name_across_commands():
    actions = [
        pair for command in COMMANDS for pair in list_actions(module_of(command).build_parser())
    ]
    wrong = [
        (program, action.option_strings, action.metavar)
        for program, action in actions
        for name, kinds in CALLED.items()
        if action.dest in kinds
        and action.metavar != name
        and (action.option_strings or action.dest == name.lower())
        and action.nargs != 0
    ]
    assert not wrong or wrong == [('posenas convert', ['--teacher'], 'YAML')]
    writers = {program for program, action in actions if action.dest in ('out', 'out_dir')}
    assert writers <= {program for program, action in actions if '--out' in action.option_strings}


def test_bash_completes_commands_options_choices_and_networks(tmp_path):
    script = tmp_path / 'completion.bash'
    assert main(['completion', 'bash', '--out', str(script)]) == 0
    lines = {
        'tr': 'train',
        'dataset init --val-s': '--val-share',
        'browse x.py --phase va': 'val',
        'train s_vipnas_res50_demo': 's_vipnas_res50_demo_synthetic_128x96',
    }
    calls = '; '.join(
        f'COMP_WORDS=(posenas {line}) COMP_CWORD={len(line.split())}; _posenas; echo $COMPREPLY'
        for line in lines
    )
    done = subprocess.run(
        ['bash', '-c', f'source {script}; {calls}'],  # noqa: S607
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == list(lines.values())
