"""How far searches with other seeds agree."""

import pytest

from posenas.cli import main
from posenas.search import Arch, Archive, Record, compare_repeats
from posenas.utils import ConfigError

#: Score of each (width, kernel): what the search should find.
FIRST = {(8, 3): 0.1, (16, 5): 0.5, (24, 3): 0.6}
SECOND = {(8, 3): 0.2, (16, 5): 0.7, (24, 3): 0.4}


def write_search(folder, scores, seed, **settings):
    folder.mkdir()
    header = dict(seed=seed, algorithm=dict(objectives=dict(PCK='greater'), **settings))
    archive = Archive(folder / 'archive.jsonl', header)
    for trial, ((width, kernel), score) in enumerate(scores.items()):
        arch = Arch(dict(width=width, kernel=kernel))
        name = f'w{width}k{kernel}'
        archive.append(Record(trial, trial // 2, (), name, arch, dict(PCK=score), dict(macs=width)))
    return str(folder)


@pytest.fixture
def repeats(tmp_path):
    searches = enumerate((FIRST, SECOND, FIRST))
    return [write_search(tmp_path / f's{seed}', scores, seed) for seed, scores in searches]


def test_the_best_of_each_are_compared_with_what_was_drawn_first(repeats):
    found = compare_repeats(repeats)
    assert [winner.id for winner in found.winners] == ['w24k3', 'w16k5', 'w24k3']
    assert found.seeds == (0, 1, 2)
    assert found.agreement == pytest.approx(1 / 3)  # of three pairs one agrees in everything
    assert found.chance == pytest.approx(1 / 2)  # generation 0 holds the first two of each
    assert found.unsettled == dict(width=(24, 16, 24), kernel=(3, 5, 3))
    assert found.mean == pytest.approx((0.6 + 0.7 + 0.6) / 3)
    assert found.deviation == pytest.approx(0.0577, abs=1e-4)


def test_the_command_prints_winners_agreement_and_spread(repeats, capsys):
    assert main(['search', 'agree', *repeats]) == 0
    text = ' '.join(capsys.readouterr().out.split())
    assert (
        'the best architectures agree on 33% of 2 decisions, pair by pair; random ones on 50%'
        in (text)
    )
    assert 'PCK 0.633333 +- 0.058 over seeds' in text
    assert 'decisions that differ: kernel 3, 5, 3; width 24, 16, 24' in text


def test_searches_that_are_no_repeats_are_refused(repeats, tmp_path):
    other = write_search(tmp_path / 'other', FIRST, 5, num_random=3)
    same = write_search(tmp_path / 'same', FIRST, 0)
    for paths, text in (
        (repeats[:1], 'at least two searches'),
        ([repeats[0], other], 'must be the same search'),
        ([repeats[0], same], r'seeds that differ, got \[0, 0\]'),
    ):
        with pytest.raises(ConfigError, match=text):
            compare_repeats(paths)


def test_decisions_that_all_make_alike_are_settled(tmp_path):
    one = {(8, 3): 0.1, (24, 5): 0.6}
    other = {(8, 3): 0.2, (16, 5): 0.7}
    folders = [write_search(tmp_path / f's{i}', each, i) for i, each in enumerate((one, other))]
    assert compare_repeats(folders).unsettled == dict(width=(24, 16))
