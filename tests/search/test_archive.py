"""The file of a search: exact, torn and damaged."""

import json

import pytest
from small_disk import disk_of

from posenas.search import Arch, Archive, Record, find_front, read_archive
from posenas.utils import ConfigError, DataError, OutputError
from posenas.utils.randomness import SCHEME, SCHEME_KEY


def make_record(trial, ap=0.5, macs=1.0, status='ok'):
    arch = Arch(dict(width=8, attention=True, stem='max', alphas=(0.1, -2.0)))
    scores = dict(AP=ap) if status == 'ok' else {}
    return Record(
        trial, 0, (0,) if trial else (), f'id{trial}', arch, scores, dict(macs=macs), status
    )


def test_a_record_is_read_as_it_was_written():
    record = make_record(3)
    assert Record.from_line(record.to_line()) == record


def test_an_archive_reads_what_it_appended(tmp_path):
    archive = Archive(tmp_path / 'archive.jsonl', dict(seed=1))
    records = [make_record(trial) for trial in range(3)]
    for record in records:
        archive.append(record)
    assert read_archive(archive.path) == ({'seed': 1, SCHEME_KEY: SCHEME}, records)
    assert list(Archive(archive.path, dict(seed=1))) == records


def test_a_torn_last_line_is_dropped_from_the_file(tmp_path):
    path = tmp_path / 'archive.jsonl'
    Archive(path, {}).append(make_record(0))
    whole = path.read_bytes()
    path.write_bytes(whole + make_record(1).to_line().encode())
    assert len(read_archive(path)[1]) == 1
    assert len(Archive(path, {})) == 1
    assert path.read_bytes() == whole
    path.write_bytes(whole.split(b'\n')[0])
    with pytest.raises(DataError, match='got: no complete line'):
        read_archive(path)


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda text: text.replace('"AP"', 'AP'), 'line 2'),
        (lambda text: text.replace('"trial":1', '"trial":2'), 'line 3 must hold trial 1'),
        (lambda text: text.replace('search-archive/1', 'x'), 'archive of a search'),
        (lambda text: f'[]\n{text}', 'archive of a search'),
        (lambda text: text.replace('"status"', '"state"'), 'line 2'),
    ],
)
def test_damage_before_the_last_line_is_named(damage, message, tmp_path):
    path = tmp_path / 'archive.jsonl'
    archive = Archive(path, {})
    for trial in range(3):
        archive.append(make_record(trial))
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError, match=message):
        read_archive(path)


def test_an_archive_of_other_settings_is_refused(tmp_path):
    Archive(tmp_path / 'archive.jsonl', dict(seed=1, wave=2))
    with pytest.raises(ConfigError, match='differs in seed'):
        Archive(tmp_path / 'archive.jsonl', dict(seed=2, wave=2))


def test_a_search_with_random_numbers_of_another_scheme_is_read_but_not_continued(tmp_path):
    path = tmp_path / 'archive.jsonl'
    Archive(path, dict(seed=1)).append(make_record(0))
    header, line = path.read_text().splitlines(keepends=True)
    old = json.loads(header)
    assert old.pop(SCHEME_KEY) == SCHEME
    path.write_text(json.dumps(old) + '\n' + line)
    assert read_archive(path) == (dict(seed=1), [make_record(0)])
    with pytest.raises(ConfigError, match='begun by scheme 1, so that'):
        Archive(path, dict(seed=1))
    assert path.read_text().endswith(line)


def test_trials_come_in_order(tmp_path):
    with pytest.raises(ValueError, match='0 is next, got 1'):
        Archive(tmp_path / 'archive.jsonl', {}).append(make_record(1))


def test_the_front_holds_what_nothing_beats():
    values = [(0.5, 3), (0.6, 3), (0.4, 1), (0.4, 2), (0.6, 3), (0.9, 9)]
    records = [make_record(i, ap, macs) for i, (ap, macs) in enumerate(values)]
    records.append(make_record(6, macs=0.1, status='failed'))
    front = find_front(records, dict(AP='greater', macs='less'))
    assert [record.trial for record in front] == [1, 2, 4, 5]
    assert [record.trial for record in find_front(records, dict(AP='greater'))] == [5]


def test_an_objective_nobody_measures_is_named():
    with pytest.raises(ConfigError, match=r"one of \['AP', 'macs'\], got 'PCK'"):
        find_front([make_record(0)], dict(PCK='greater'))


def test_a_line_that_does_not_fit_on_the_disk_leaves_the_file_as_it_was(tmp_path):
    archive = Archive(tmp_path / 'archive.jsonl', {})
    archive.append(make_record(0))
    whole = archive.path.read_bytes()
    for room in (0, 1, 40):
        with disk_of(len(whole) + room), pytest.raises(OutputError, match='must be writable'):
            archive.append(make_record(1))
        assert archive.path.read_bytes() == whole
    archive.append(make_record(1))
    assert len(read_archive(archive.path)[1]) == 2


def test_a_second_search_in_the_same_file_is_told_so(tmp_path):
    first = Archive(tmp_path / 'archive.jsonl', {})
    second = Archive(tmp_path / 'archive.jsonl', {})
    first.append(make_record(0))
    with pytest.raises(OutputError, match='must be written by one process alone'):
        second.append(make_record(0))
    first.append(make_record(1))
    assert len(read_archive(first.path)[1]) == 2
