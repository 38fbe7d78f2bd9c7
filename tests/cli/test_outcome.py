"""Exit statuses, and the lines that commands end with."""

import errno
import io
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from source_files import ROOT
from torch.utils.data import DataLoader

from posenas.cli import main, outcome
from posenas.cli.outcome import MEANINGS, run_command
from posenas.utils.errors import DataError


def end(error):
    """Run a command that ends with an error; return its status."""

    def fail():
        raise error

    return run_command('posenas train', ['x.py', '--seed', '1'], fail, is_debug=False)


@pytest.mark.parametrize(
    ('error', 'line'),
    [
        (DataError('a.json must hold boxes,\n got a list'), 'a.json must hold boxes, got a list'),
        (IsADirectoryError(errno.EISDIR, 'Is a directory', 'a'), 'a: Is a directory'),
        (
            OSError(errno.ENOSPC, 'No space left on device'),
            'the system refuses to read or write: No space left on device',
        ),
        (
            torch.OutOfMemoryError('CUDA out of memory'),
            'memory must suffice, got: CUDA out of memory; use smaller batches or sizes',
        ),
        (MemoryError(), 'memory must suffice, got: MemoryError; use smaller batches or sizes'),
    ],
)
def test_a_refusal_is_one_line_and_status_2(error, line, capsys):
    assert end(error) == 2
    assert capsys.readouterr().err == f'posenas train: error: {line}\n'


def test_the_line_of_an_error_has_an_end(capsys):
    assert end(DataError(f'first {"x" * 9999} last')) == 2
    shown = capsys.readouterr().err
    assert len(shown) < 1100
    assert 'first' in shown
    assert shown.endswith('last\n')


@pytest.mark.parametrize('error', [KeyError('x'), ValueError('two\nlines'), OSError('odd')])
def test_anything_else_is_status_3_with_a_report(error, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(outcome.tempfile, 'tempdir', str(tmp_path))
    assert end(error) == 3
    shown = capsys.readouterr().err
    (report,) = tmp_path.iterdir()
    assert shown.startswith(f'posenas train: unexpected error: {type(error).__name__}: ')
    assert shown.endswith(f'please report it with {report}\n')
    assert shown.count('\n') == 1
    text = report.read_text()
    assert text.startswith('posenas train x.py --seed 1\n')
    assert 'Traceback (most recent call last)' in text
    assert f'torch {torch.__version__.partition("+")[0]}' in text


def test_the_traceback_is_shown_where_no_report_can_be_written(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(outcome.tempfile, 'tempdir', str(tmp_path / 'missing'))
    assert end(KeyError('x')) == 3
    assert "KeyError: 'x'" in capsys.readouterr().err


_FULL = 'posenas models: error: the system refuses to read or write: No space left on device\n'


class Broken(torch.utils.data.Dataset):
    """A data set whose samples cannot be read."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise DataError('a.jpg must be an image,\ngot text')


def test_an_error_of_a_data_worker_is_one_line(capsys):
    def load():
        return len(list(DataLoader(Broken(), num_workers=1)))

    assert run_command('posenas train', [], load, is_debug=False) == 2
    assert capsys.readouterr().err == ('posenas train: error: a.jpg must be an image, got text\n')


def test_ctrl_c_is_status_130(capsys):
    assert end(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == 'posenas train: ended by SIGINT\n'


@pytest.mark.skipif(os.name != 'posix', reason='needs signals')
def test_sigterm_ends_by_an_exception_and_its_handler_goes(capsys):
    left = []

    def wait():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            left.append(True)
        return 0

    assert run_command('posenas train', [], wait, is_debug=False) == 143
    assert left == [True]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_processes_of_a_launcher_die_at_once_by_sigterm(monkeypatch):
    monkeypatch.setenv('RANK', '0')

    def look():
        return int(signal.getsignal(signal.SIGTERM) != signal.SIG_DFL)

    assert run_command('posenas train', [], look, is_debug=False) == 0


def test_commands_run_in_threads():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(main, ['train', 'x.py']).result() == 2


@pytest.mark.skipif(os.name != 'posix', reason='needs a shell')
@pytest.mark.parametrize(
    ('where', 'status', 'line'),
    [
        ('| true; exit ${PIPESTATUS[0]}', 141, ''),
        ('> /dev/full', 2, _FULL),
        ('>&-', 0, ''),
    ],
)
def test_output_that_nobody_takes_is_no_fault(where, status, line):
    work = "lambda: print('x' * 10**6, flush=True) or 0"
    code = (
        'import sys; from posenas.cli.outcome import run_command; '
        f"sys.exit(run_command('posenas models', [], {work}, False))"
    )
    words = ['bash', '-c', f'"{sys.executable}" -c "{code}" {where}']
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr == line


@pytest.mark.parametrize('errors', ['strict', 'surrogateescape'])
def test_output_is_utf8_whatever_names_are(errors, monkeypatch):
    output = io.BytesIO()
    monkeypatch.setattr('sys.stdout', io.TextIOWrapper(output, 'utf-8', errors=errors))
    assert run_command('posenas x', [], lambda: int(print('b\udce4r') is not None), False) == 0
    assert output.getvalue().decode() == 'b\\udce4r\n'


def test_the_help_tells_the_statuses(capsys):
    with pytest.raises(SystemExit):
        main(['--help'])
    shown = ' '.join(capsys.readouterr().out.split())
    assert all(f'{status} {text}' in shown for status, text in MEANINGS.items())
