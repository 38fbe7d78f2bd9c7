"""The archive of a search: every architecture evaluated, one line each, and nothing else.

It is the whole state of a search: from the same header and lines a search goes on the same way. It
holds no time, date or process, so that the same search writes the same bytes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posenas.search.space import Arch
from posenas.utils import ConfigError, DataError, check_choice, write_text
from posenas.utils.atomic_io import append_line, cut_torn_line
from posenas.utils.locks import hold_lock
from posenas.utils.randomness import SCHEME, SCHEME_KEY, explain_scheme
from posenas.utils.value_types import describe_type, fits_type

_SCHEMA = 'search-archive/1'
#: An evaluation gave scores, or could not: training diverged, for one; or it gave scores of what
#: exceeds the budget, to learn from, or after a short training, to choose who is trained on.
_STATUSES = ('ok', 'failed', 'beyond', 'short')
#: Seconds in which another search has written its line.
_PATIENCE = 10.0
_BETTER = {'greater', 'less'}
#: Types of what a line holds; scores and costs are numbers.
_TYPES = dict(
    trial=int,
    generation=int,
    parents=list[int],
    id=str,
    arch=dict,
    scores=dict,
    costs=dict,
    rung=int,
)


@dataclass(frozen=True)
class Record:
    """One evaluated architecture.

    Attributes:
        trial: Its number, counted from 0; its randomness is addressed by it.
        generation: The generation it was proposed in.
        parents: Trials of those it was bred from.
        id: Id of its genotype.
        arch: The architecture.
        scores: Metric -> value; empty where the evaluation failed.
        costs: Cost -> value.
        status: 'ok', 'failed', 'beyond' for what exceeds the budget and only teaches, or 'short'
            for what was trained for a part of the schedule.
        rung: How far it was trained, as a place among the rungs of a successive halving; None
            elsewhere.
    """

    trial: int
    generation: int
    parents: tuple[int, ...]
    id: str
    arch: Arch
    scores: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    status: str = 'ok'
    rung: int | None = None

    def __post_init__(self) -> None:
        check_choice('status', self.status, _STATUSES)

    def value(self, name: str) -> float:
        """Return the score or cost ``name``.

        Raises:
            ConfigError: There is none of this name.
        """
        known = {**self.costs, **self.scores}
        if name not in known:
            raise ConfigError(f'an objective must be one of {sorted(known)}, got {name!r}')
        return known[name]

    def to_line(self) -> str:
        """Write the record as one line of JSON, without its end."""
        data = dict(asdict(self), arch=self.arch.to_dict())
        return _to_json({name: value for name, value in data.items() if value is not None})

    @classmethod
    def from_line(cls, line: str) -> 'Record':
        """Read what :meth:`to_line` wrote.

        Raises:
            ValueError: It is no such line.
        """
        try:
            data = json.loads(line)
            _check_types(data)
            return cls(**dict(data, arch=Arch(data['arch']), parents=tuple(data['parents'])))
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f'a line must hold one record, got {line[:80]!r}: {error}') from error


def _check_types(data: Mapping) -> None:
    """Require what a line holds to have the types of :class:`Record`.

    Raises:
        ValueError: An entry has another one.
    """
    for name, value in data.items():
        wanted = _TYPES.get(name, object)
        is_figures = name in ('scores', 'costs') and isinstance(value, dict)
        entries = value.values() if is_figures else ()
        if not (fits_type(value, wanted) and all(fits_type(entry, float) for entry in entries)):
            raise ValueError(f'{name} must be {describe_type(wanted)}, got {value!r:.80}')


def _to_json(data: Mapping) -> str:
    return json.dumps(data, sort_keys=True, separators=(',', ':'), allow_nan=False)


def digest(*parts: bytes | str) -> str:
    """Return 16 hex digits of the SHA-256 of ``parts``, for fingerprints."""
    state = sha256()
    for part in parts:
        state.update(part.encode() if isinstance(part, str) else part)
    return state.hexdigest()[:16]


class Archive:
    """File of records, ``archive.jsonl``; the first line says what search they belong to.

    Args:
        path: The file; made where it does not exist.
        header: Everything that the records depend on, as plain data: fingerprints of space,
            costs, algorithm and evaluator, and the seed. The scheme of the random numbers is added.

    Raises:
        ConfigError: The file holds another search, or one with random numbers of another scheme.
        DataError: The file is damaged before its last line.
    """

    def __init__(self, path: str | Path, header: Mapping) -> None:
        self.path = Path(path)
        own = {'schema': _SCHEMA, SCHEME_KEY: SCHEME}
        self._header = json.loads(_to_json({**header, **own}))
        self.records: list[Record] = []
        if self.path.exists():
            with hold_lock(self.path, _PATIENCE), open(self.path, 'r+b') as file:
                cut_torn_line(file)
            header_found, self.records = read_archive(self.path)
            _compare(self.path, self._header, header_found)
        else:
            write_text(self.path, _to_json(self._header) + '\n')
        self._size = self.path.stat().st_size

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def append(self, record: Record) -> None:
        """Add the record of the next trial, on disk before this returns.

        Raises:
            OutputError: The file cannot be written, or another search has written to it; what it
                held stays.
        """
        if record.trial != len(self.records):
            raise ValueError(
                f'records must come in the order of trials: {len(self.records)} is next, got '
                f'{record.trial}'
            )
        with hold_lock(self.path, _PATIENCE):
            self._size = append_line(self.path, record.to_line(), self._size)
        self.records.append(record)


def find_archive(path: str | Path) -> Path:
    """Return the archive of a search, of which ``path`` is the work dir, or the archive itself."""
    return Path(path, 'archive.jsonl') if Path(path).is_dir() else Path(path)


def read_archive(path: str | Path) -> tuple[dict, list[Record]]:
    """Read header and records; a last line that a killed process left unfinished is ignored.

    Args:
        path: The archive, or the work dir of its search.

    Raises:
        DataError: The file is missing, damaged or no archive.
    """
    path = find_archive(path)
    try:
        lines = Path(path).read_text(encoding='utf-8').split('\n')[:-1]
        if not lines:
            raise ValueError('no complete line')
        first, *lines = lines
        header = json.loads(first)
        if not isinstance(header, dict) or header.pop('schema', None) != _SCHEMA:
            raise ValueError(f'the first line does not say {_SCHEMA}')
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f'{path} must be the archive of a search, got: {error}') from error
    records = []
    for trial, line in enumerate(lines):
        try:
            records.append(Record.from_line(line))
        except ValueError as error:
            raise DataError(f'{path}, line {trial + 2}: {error}') from error
        if records[-1].trial != trial:
            raise DataError(f'{path}, line {trial + 2} must hold trial {trial}, got {line[:80]!r}')
    return header, records


def read_objectives(path: str | Path, header: Mapping) -> dict[str, str]:
    """Return the objectives of a search: score or cost -> whether 'greater' or 'less' is better.

    Args:
        path: Its archive, for the message.
        header: What :func:`read_archive` returned.

    Raises:
        DataError: The header names none.
    """
    algorithm = header.get('algorithm')
    found = algorithm.get('objectives') if isinstance(algorithm, dict) else None
    if not (isinstance(found, dict) and found and {*map(str, found.values())} <= _BETTER):
        raise DataError(
            f'{find_archive(path)}: algorithm.objectives must name scores with one of '
            f'{sorted(_BETTER)}, got {found!r:.80}'
        )
    return found


def _compare(path: Path, wanted: Mapping, found: Mapping) -> None:
    conflict = explain_scheme(found.get(SCHEME_KEY))
    if conflict:
        raise ConfigError(
            f'the search of {path} {conflict}: search in another work dir, or with the version of '
            'posenas that wrote it; its architectures can still be shown and derived'
        )
    keys = [k for k in sorted(wanted.keys() | found.keys()) if wanted.get(k) != found.get(k)]
    differing = [key for key in keys if key != 'schema']
    if differing:
        raise ConfigError(
            f'{path} must belong to the same search to be continued, but differs in '
            f'{", ".join(differing)}: choose another work dir, or restore its settings'
        )


def objective_values(
    records: Sequence[Record], objectives: Mapping[str, str], beyond: bool = False
) -> NDArray[np.float64]:
    """Return what is to be minimised, (records, objectives); failed records are infinite.

    Args:
        records: Of evaluated architectures.
        objectives: Name of a score or cost -> 'greater' or 'less', whichever is better.
        beyond: Whether those beyond the budget have their values too, instead of infinity.

    Raises:
        ConfigError: An objective is not among scores and costs.
    """
    values = np.full((len(records), len(objectives)), np.inf)
    for row, record in zip(values, records, strict=True):
        if record.status == 'ok' or (beyond and record.status == 'beyond'):
            row[:] = [
                -record.value(name) if better == 'greater' else record.value(name)
                for name, better in objectives.items()
            ]
    return values


def find_front(records: Sequence[Record], objectives: Mapping[str, str]) -> list[Record]:
    """Return the records that no other one beats: at least as good in all, better in one.

    Args:
        records: Of evaluated architectures; those of another status than 'ok' are left out.
        objectives: Name of a score or cost -> 'greater' or 'less', whichever is better.

    Returns:
        The Pareto front in the order of trials; of records with equal values all.
    """
    good = [record for record in records if record.status == 'ok']
    values = objective_values(good, objectives)
    front = [not ((values <= row).all(1) & (values < row).any(1)).any() for row in values]
    return [record for record, is_free in zip(good, front, strict=True) if is_free]
