"""The driver that provokes faults: it finds what is broken, and writes what it found."""

import json
import os

import pytest
from faults import resources
from faults.__main__ import main
from faults.outcome import Outcome
from faults.report import write_page
from faults.saves import try_saves
from faults.writers import Task, try_writers

from posenas.utils import write_text


def careful(out):
    for name in 'ab':
        write_text(out / name, name * 3000)


def careless(out):
    with open(out / 'a', 'w') as file:
        for _ in range(3000):
            file.write('a')
            file.flush()


def read(out):
    contents = [path.read_text() for path in sorted(out.glob('[ab]'))]
    if any(len(content) != 3000 for content in contents):
        raise ValueError('a part of a file')
    return contents


def test_a_writer_of_whole_files_survives_kills_and_full_disks(tmp_path):
    kills, full = try_writers([Task('files', careful, read)], tmp_path, 4, 2)
    assert (kills.trials, kills.failures, full.trials, full.failures) == (4, 0, 2, 0)


def test_a_writer_of_parts_is_found_out(tmp_path):
    kills, full = try_writers([Task('file', careless, read)], tmp_path, 4, 2)
    assert kills.failures >= 2  # those at a byte
    assert full.failures == 2
    assert 'left something broken: a part of a file' in ' '.join(kills.messages)


@pytest.mark.parametrize('leaks', [False, True])
def test_what_stays_behind_after_calls_is_told(leaks, tmp_path):
    kept = []

    def call():
        file = os.open(tmp_path / 'file', os.O_RDWR | os.O_CREAT)
        if leaks:
            kept.append(file)
        else:
            os.close(file)

    said = resources._repeat(call, 40)
    assert ('files' in (said or '')) == leaks
    for file in kept:
        os.close(file)


def test_goals_are_tried_stored_and_written_as_a_page(tmp_path):
    page, results = tmp_path / 'page.md', tmp_path / 'results.json'
    options = ['--tiny', '--out', str(page), '--results', str(results)]
    assert main(['R8', *options]) == 0
    stored = json.loads(results.read_text())
    assert [outcome['trials'] for outcome in stored['R8']['outcomes']] == [3, 3, 3]
    lines = page.read_text().splitlines()
    table = [line for line in lines if line.startswith('| R8')]
    assert len(table) == 4  # three outcomes and a command
    assert len({len(line) for line in table[:3]}) == 1
    assert '- R1, SIGKILL in saves, two trainings in one folder: not run yet' in lines


def test_failures_are_on_the_page(tmp_path):
    outcome = Outcome('a fault')
    outcome.note(None)
    outcome.note('it\nbroke')
    result = dict(outcomes=[outcome.to_dict()], command='c', date='d', minutes=1.5)
    write_page(tmp_path / 'page.md', {'R1': result})
    text = (tmp_path / 'page.md').read_text()
    assert '- R1, a fault: it broke' in text
    assert any(line.split('|')[3:5] == ['      2 ', '        1 '] for line in text.splitlines())


@pytest.mark.slow
def test_kills_in_saves_are_counted(tmp_path):
    found = list(try_saves(tmp_path, 3))
    assert [(outcome.trials, outcome.failures) for outcome in found] == [(3, 0), (3, 0)]
