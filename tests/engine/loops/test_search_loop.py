"""Searches that are killed, resumed and dealt out to processes write the same archive."""

import json
import os
import re
import signal
import socket
import time

import pytest
from search.toy_run import WAVE, Killed, make_loop, read_files, start
from search.toy_space import table

from posenas.search import read_archive
from posenas.utils import ConfigError

NUM_WAVES = 3
NUM_TRIALS = NUM_WAVES * WAVE


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp('search')
    make_loop(folder, table(), NUM_WAVES).run()
    return read_files(folder)


def killing_the_second():
    calls = iter(range(2))

    def on_evaluate():
        if next(calls) == 1:
            raise Killed

    return on_evaluate


def test_some_trials_fail_and_the_archive_says_so(uninterrupted):
    archive = uninterrupted['archive.jsonl']
    assert archive.count(b'"status":"ok"') > archive.count(b'"status":"failed"') > 0
    assert archive.count(b'\n') == NUM_TRIALS + 1


def test_log_archive_and_timings_number_trials_alike(tmp_path, caplog):
    with caplog.at_level('INFO', logger='toy search'):
        make_loop(tmp_path, table(), NUM_WAVES).run()
    logged = re.findall(rf'trial (\d+) of 0 to {NUM_TRIALS - 1}, (\w+):', caplog.text)
    failed = re.findall(r'trial (\d+) failed', caplog.text)
    records = read_archive(tmp_path / 'archive.jsonl')[1]
    assert logged == [(str(record.trial), record.id) for record in records]
    assert failed == [str(record.trial) for record in records if record.status == 'failed']
    timings = (tmp_path / 'timings.jsonl').read_text().splitlines()
    assert [json.loads(line)['trial'] for line in timings] == list(range(NUM_TRIALS))


def test_a_search_killed_inside_every_evaluation_goes_on_the_same_way(uninterrupted, tmp_path):
    for _ in range(NUM_TRIALS):
        with pytest.raises(Killed):
            make_loop(tmp_path, table(), NUM_WAVES, on_evaluate=killing_the_second()).run()
        if (tmp_path / 'archive.jsonl').read_bytes().count(b'\n') == NUM_TRIALS:
            break
    make_loop(tmp_path, table(), NUM_WAVES).run()
    assert read_files(tmp_path) == uninterrupted


@pytest.mark.parametrize('num_done', range(NUM_TRIALS + 1))
def test_a_search_killed_while_writing_any_line_goes_on_the_same_way(
    num_done, uninterrupted, tmp_path
):
    lines = uninterrupted['archive.jsonl'].splitlines(keepends=True)
    torn = b''.join([*lines[: num_done + 1], *[line[:-9] for line in lines[num_done + 1 :][:1]]])
    (tmp_path / 'archive.jsonl').write_bytes(torn)
    make_loop(tmp_path, table(), NUM_WAVES).run()
    assert read_files(tmp_path) == uninterrupted


@pytest.mark.parametrize('signum', [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_killed_leaves_an_archive_to_go_on_from(signum, uninterrupted, tmp_path):
    process = start(tmp_path, NUM_WAVES, seconds=0.1)
    archive = tmp_path / 'archive.jsonl'
    while not archive.exists() or archive.read_bytes().count(b'\n') < 8:
        assert process.is_alive()
        time.sleep(0.02)
    os.kill(process.pid, signum)
    process.join(30)
    assert process.exitcode == (143 if signum == signal.SIGTERM else -signum)
    assert archive.read_bytes().count(b'\n') < NUM_TRIALS
    make_loop(tmp_path, table(), NUM_WAVES).run()
    assert read_files(tmp_path) == uninterrupted


def test_two_processes_write_what_one_writes(uninterrupted, tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    ranks = [start(tmp_path, NUM_WAVES, 0, rank, 2, port) for rank in range(2)]
    for process in ranks:
        process.join(60)
    assert [process.exitcode for process in ranks] == [0, 0]
    assert read_files(tmp_path) == uninterrupted


@pytest.mark.parametrize('rank', [0, 1])
def test_sigterm_to_one_of_two_processes_ends_both(rank, uninterrupted, tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    ranks = [start(tmp_path, NUM_WAVES, 0.1, rank, 2, port) for rank in range(2)]
    archive = tmp_path / 'archive.jsonl'
    while not archive.exists() or archive.read_bytes().count(b'\n') < 4:
        assert all(process.is_alive() for process in ranks)
        time.sleep(0.02)
    os.kill(ranks[rank].pid, signal.SIGTERM)
    for process in ranks:
        process.join(30)
    assert ranks[rank].exitcode == 143
    assert ranks[1 - rank].exitcode not in (0, None)
    make_loop(tmp_path, table(), NUM_WAVES).run()
    assert read_files(tmp_path) == uninterrupted


def test_more_waves_continue_a_finished_search(uninterrupted, tmp_path):
    make_loop(tmp_path, table(), NUM_WAVES - 1).run()
    make_loop(tmp_path, table(), NUM_WAVES).run()
    archive = (tmp_path / 'archive.jsonl').read_bytes()
    assert archive == uninterrupted['archive.jsonl']


@pytest.mark.parametrize(
    ('changes', 'key'),
    [
        (dict(seed=1), 'algorithm, seed'),
        (dict(wave=WAVE + 1), 'wave'),
        (dict(algorithm=dict(type='RandomSearch', objectives=dict(AP='greater'))), 'algorithm'),
        (dict(scores={'x': {}}), 'evaluator'),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_another_search_does_not_continue_an_archive(changes, key, tmp_path):
    settings = dict(scores=table(), num_waves=1)
    make_loop(tmp_path, **settings).run()
    changed = dict(settings, **changes)
    changed['scores'] = {**table(), **changed['scores']}
    with pytest.raises(ConfigError, match=f'differs in {key}:'):
        make_loop(tmp_path, **changed).run()


def test_a_space_that_is_exhausted_ends_the_search(tmp_path):
    algorithm = dict(type='RandomSearch', objectives=dict(AP='greater'))
    loop = make_loop(tmp_path, table(), 2, algorithm, wave=5000)
    loop.algorithm.budget.limits = dict(macs=(None, 1000))
    loop.run()
    affordable = loop.iter
    assert 1 < affordable < 64
    assert loop.epoch == 0
    assert len(read_files(tmp_path)['archive.jsonl'].splitlines()) == affordable + 1
