"""Tasks run here or on a Ray cluster: the same results, in order, even if workers are killed."""

import os
import sys
import time
from functools import partial
from pathlib import Path
from threading import Thread

import pytest
from search.test_evaluators import make_supernet_cfg
from search.toy_run import WAVE, make_loop, read_files
from search.toy_space import table

from posenas.engine import PoseRunner
from posenas.utils import ConfigError, DataError, PackageError
from posenas.utils.executors import RayExecutor, make_executor


def double(shared, number, seen=None):
    if seen is not None:
        seen.append(number)
    return shared * number


def refuse(shared, number):
    raise DataError(f'{number} must be even')


def note_process(folder):
    Path(folder, str(os.getpid())).touch()


def test_one_process_computes_a_result_when_it_is_asked_for():
    seen = []
    with make_executor() as executor:
        results = executor.map(double, executor.share(10), [(1, seen), (2, seen)])
        assert next(results) == 10
        assert seen == [1]
        assert list(results) == [20]
        assert executor.submit(double, 10, 3).result() == 30


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('threads',), r"executor must be one of .*'ray'"),
        (('process', 'auto'), 'address must be that of a Ray cluster'),
    ],
)
def test_what_no_executor_can_be_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        make_executor(*arguments)


def test_without_ray_an_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(PackageError, match=r'pip install "posenas\[ray\]"'):
        make_executor('ray')


@pytest.fixture
def cluster():
    """A cluster of two workers on this machine."""
    ray = pytest.importorskip('ray')
    # workers of low priority would wait for all other tests
    os.environ.update(RAY_USAGE_STATS_ENABLED='0', RAY_worker_niceness='0')
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level='ERROR')
    yield ray
    ray.shutdown()


def kill_a_worker(processes, archive):
    """Kill the first process that evaluates, as soon as the archive has four records."""
    while not archive.exists() or archive.read_bytes().count(b'\n') < 5:
        time.sleep(0.02)
    os.kill(int(min(processes.iterdir(), key=lambda file: file.stat().st_mtime).name), 9)


def search(folder, executor='process', **evaluator):
    """Search the toy space; returns its files and the seconds that it took."""
    loop = make_loop(folder, table(), 3, **evaluator)
    loop.executor = executor
    begun = time.perf_counter()
    loop.run()
    return read_files(folder), time.perf_counter() - begun


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_of_ray_of_which_one_is_killed_do_what_one_process_does(cluster, tmp_path):
    expected, alone = search(tmp_path / 'one', seconds=2.0)
    processes, archive = tmp_path / 'processes', tmp_path / 'killed' / 'archive.jsonl'
    processes.mkdir()
    killer = Thread(target=kill_a_worker, args=(processes, archive))
    killer.start()
    noted = partial(note_process, processes)
    found, _ = search(archive.parent, 'ray', seconds=2.0, on_evaluate=noted)
    killer.join()
    assert found == expected
    assert found['archive.jsonl'].count(b'\n') == 3 * WAVE + 1
    assert len(list(processes.iterdir())) > 2  # another one took its place
    again, together = search(tmp_path / 'two', 'ray', seconds=2.0)
    assert again == expected
    print(f'one process {alone:.1f} s, two workers {together:.1f} s')
    assert together < alone


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ray_measures_parts_of_a_supernet_as_one_process_does(cluster, tmp_path):
    archives = []
    for executor in ('process', 'ray'):
        work_dir = tmp_path / executor
        PoseRunner.from_cfg(make_supernet_cfg(tmp_path, work_dir, executor=executor)).train()
        archives.append(read_files(work_dir))
    assert archives[0] == archives[1]


@pytest.mark.slow
def test_errors_of_a_task_on_ray_are_those_of_its_work(cluster):
    with RayExecutor() as executor:
        assert list(executor.map(double, executor.share(2), [(1,), (2,)])) == [2, 4]
        with pytest.raises(DataError, match='3 must be even'):
            executor.submit(refuse, executor.share(None), 3).result()
    with pytest.raises(ConfigError, match=r'must have the 99 processors of a task, got 2'):
        RayExecutor(cpus=99)
