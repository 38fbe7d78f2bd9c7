"""Two processes that share samples unevenly end every loop together."""

import pytest
from engine.rank_cases import EVERY, Case, run_pair

#: Some of every loop; with one sample the second process has none to validate.
FEW = [
    Case(loop, size, batch)
    for loop, shapes in dict(
        epochs=[(1, 1), (7, 3)],
        iterations=[(1, 2), (7, 3)],
        unpadded=[(1, 1), (7, 3), (8, 3)],
        val=[(1, 1), (3, 1), (7, 3)],
        test=[(1, 1), (3, 1), (7, 3)],
        drawing=[(1, 1), (7, 3)],
        supernet=[(1, 1), (7, 3)],
        search=[(1, 1), (5, 1), (5, 2)],
        gradients=[(1, 1), (7, 3)],
        recalibration=[(1, 1), (7, 1)],
        stop_first=[(7, 1)],
        stop_second=[(1, 1), (7, 1)],
        stop_both=[(7, 1)],
        stop_late=[(7, 1)],
    ).items()
    for size, batch in shapes
]
#: Loop -> processes that leave their first validation early.
SIGNALLED = dict(stop_first=[0], stop_second=[1], stop_both=[0, 1])
#: Collective operations that gather the results of one metric.
PER_METRIC = 3


def batches(samples, case):
    return -(-samples // case.batch)


def own_batches(case, rank):
    return batches(len(range(rank, case.size, 2)), case)


def padded_batches(case):
    return batches(-(-case.size // 2), case)


def check_training(case, pair, steps):
    assert [outcome['train'] for outcome in pair] == [steps, steps], case
    assert pair[0]['weights'] == pair[1]['weights'], case


def check_evaluation(case, pair, mode, times=1, others=0, metrics=1):
    """Every sample is scored; the operations are as many for all numbers of batches."""
    for rank, outcome in enumerate(pair):
        assert outcome.get(mode, 0) == times * own_batches(case, rank), case
        assert outcome['collectives'] == [PER_METRIC * metrics + others] * times, case
    assert pair[0]['scores'] == pair[1]['scores'], case
    if 'seen' in pair[0]['scores']:
        assert pair[0]['scores'] == dict(count=case.size, seen=2**case.size - 1), case


def check_epochs(case, pair):
    check_training(case, pair, 2 * padded_batches(case))
    check_evaluation(case, pair, 'val', times=2, others=1)


def check_iterations(case, pair):
    check_training(case, pair, 4)
    check_evaluation(case, pair, 'val', times=2, others=1)


def check_unpadded(case, pair):
    counts = [own_batches(case, rank) for rank in (0, 1)]
    if counts[0] == counts[1]:
        check_epochs(case, pair)
        return
    got = f'got {counts[0]}, {counts[1]} from {case.size} samples in batches of {case.batch}'
    assert all(got in outcome['refused'] for outcome in pair), case


def check_val(case, pair):
    check_evaluation(case, pair, 'val')


def check_test(case, pair):
    check_evaluation(case, pair, 'test')


def check_drawing(case, pair):
    check_training(case, pair, padded_batches(case))
    check_evaluation(case, pair, 'val', others=1, metrics=2)
    check_evaluation(case, [outcome['tested'] for outcome in pair], 'test', metrics=3)
    shown = own_batches(case, 0) + own_batches(case, 1) + case.size
    for outcome in pair:
        assert outcome['bad_cases'] == outcome['poses'] == case.size, case
        assert outcome['drawn'] == shown + case.size, case


def check_supernet(case, pair):
    check_training(case, pair, padded_batches(case))
    check_evaluation(case, pair, 'val', others=1, metrics=2)


def check_search(case, pair):
    assert [outcome['trials'] for outcome in pair] == [case.size] * 2, case


def check_gradients(case, pair):
    check_training(case, pair, 2 * padded_batches(case))


def check_recalibration(case, pair):
    for rank, outcome in enumerate(pair):
        own = range(rank, case.size, 2)
        assert outcome['restored'], case
        assert outcome['mean'] == pytest.approx(sum(own) / max(len(own), 1)), case


def check_stop(case, pair):
    late = case.loop == 'stop_late'  # its first validation lies between two updates
    check_training(case, pair, 2 if late else padded_batches(case))
    check_evaluation(case, pair, 'val', times=1 if late else 2, others=1)
    saved_at = 4 if late else padded_batches(case)
    for rank, outcome in enumerate(pair):
        assert (outcome['code'], outcome['saved_at'], outcome['same']) == (143, saved_at, True), (
            case
        )
        own = own_batches(case, rank)
        is_signalled = not late and rank in SIGNALLED[case.loop]
        assert outcome['left_after'] == (min(own, 1) if is_signalled else own), case


CHECKS = dict(
    epochs=check_epochs,
    iterations=check_iterations,
    unpadded=check_unpadded,
    val=check_val,
    test=check_test,
    drawing=check_drawing,
    supernet=check_supernet,
    search=check_search,
    gradients=check_gradients,
    recalibration=check_recalibration,
    stop_first=check_stop,
    stop_second=check_stop,
    stop_both=check_stop,
    stop_late=check_stop,
)


@pytest.mark.parametrize(
    ('cases', 'limit'),
    [(FEW, 300), pytest.param(EVERY, 2500, marks=pytest.mark.slow)],
    ids=['few', 'every'],
)
def test_ranks_with_unequal_numbers_of_batches_end_together(cases, limit, tmp_path):
    outcomes = run_pair(tmp_path, cases, limit)
    for case, pair in outcomes.items():
        CHECKS[case.loop](case, pair)
    # what a search exchanges depends on the number of its candidates, not of its images' batches
    exchanged = {
        outcome['collectives'][0] - case.size // 2
        for case, pair in outcomes.items()
        if case.loop == 'search'
        for outcome in pair
    }
    assert len(exchanged) == 1
