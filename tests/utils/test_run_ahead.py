"""Stages that overlap."""

import threading
import time

import pytest

from posenas.utils.run_ahead import StageClock, run_ahead


def test_items_come_in_order_and_at_most_depth_ahead():
    made = []

    def make():
        for number in range(6):
            made.append(number)
            yield number

    ahead = []
    for number in run_ahead(make(), depth=1):
        time.sleep(0.02)
        ahead.append(len(made) - number - 1)
    assert len(ahead) == 6
    assert max(ahead) <= 2  # one waits, one is handed over
    assert max(ahead) >= 1


def test_errors_arrive_after_the_items_before_them():
    def make():
        yield 1
        raise KeyError('broken')

    items = run_ahead(make())
    assert next(items) == 1
    with pytest.raises(KeyError, match='broken'):
        next(items)


def test_closing_ends_the_thread_and_closes_the_source():
    closed, threads = [], threading.active_count()

    def make():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    items = run_ahead(make())
    next(items)
    items.close()
    assert closed == [True]
    assert threading.active_count() == threads


def test_the_clock_counts_work_and_no_waiting():
    clock = StageClock()
    for _ in clock.measure_items('work', (time.sleep(0.02) for _ in range(3))):
        time.sleep(0.02)
    assert 0.06 <= clock.seconds['work'] < 0.12


def test_the_clock_counts_two_threads_of_one_stage():
    clock = StageClock()

    def work():
        for _ in range(200):
            with clock.measure('work'):
                time.sleep(1e-4)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.seconds['work'] >= 4 * 200 * 1e-4
